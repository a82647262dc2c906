// How near vectors are to one another, by the metric of their collection. A higher score is nearer.

/** Vectors that are compared at once; each is a question. */
export const MOST_COMPARED = 50;
/** Questions at once. */
const AT_ONCE = 4;

/** Ids as one writes them, each once. */
export function idsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((id) => id !== ''))].slice(0, MOST_COMPARED);
}

export function score(metric: string | undefined, one: readonly number[], other: readonly number[]): number {
  const product = one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0);
  if (metric === 'euclidean') return -Math.hypot(...one.map((value, index) => value - (other[index] ?? 0)));
  if (metric !== 'cosine') return product;
  const lengths = Math.hypot(...one) * Math.hypot(...other);
  return lengths > 0 ? product / lengths : 0;
}

export interface Near {
  id: string;
  /** None where nothing is under this id. */
  score: number | undefined;
}

/** The ids with their scores, the nearest first; those without a vector last. */
export async function compare(
  ids: readonly string[],
  ask: (id: string) => Promise<number[] | undefined>,
  of: (vector: number[]) => number,
): Promise<Near[]> {
  const open = [...ids];
  const found: Near[] = [];
  const worker = async () => {
    for (let id = open.shift(); id !== undefined; id = open.shift()) {
      const vector = await ask(id);
      found.push({ id, score: vector && of(vector) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return found.sort((one, other) => (other.score ?? -Infinity) - (one.score ?? -Infinity));
}
