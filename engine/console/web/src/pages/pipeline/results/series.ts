// The windows of a sketch one after the other, and its groups side by side, as the API answers them: an answer for
// each window.
import type { Sketch, SketchView } from '../../../api/shapes/query';
import { bandOf } from './band';

/** Windows that are drawn; each is a question. */
export const MOST_WINDOWS = 24;
/** Quantiles enough for a smooth curve; the last ones show the tail. */
export const SHARES: readonly number[] = [
  ...Array.from({ length: 19 }, (_, index) => (index + 1) / 20),
  0.99,
  0.999,
];
/** Questions at once. */
const AT_ONCE = 4;

export interface Bounds {
  from: string;
  to: string;
}

/** A value of a sketch with its error band. */
export interface Mark {
  value: number;
  low: number;
  high: number;
}

export interface At extends Bounds {
  answer: SketchView;
}

/** The last windows up to a border, the oldest first. */
export function windowsUpTo(to: string, windowMs: number, most = MOST_WINDOWS): Bounds[] {
  const end = Date.parse(to);
  if (Number.isNaN(end) || windowMs <= 0) return [];
  return Array.from({ length: most }, (_, index) => {
    const from = end - (most - index) * windowMs;
    return { from: new Date(from).toISOString(), to: new Date(from + windowMs).toISOString() };
  }).filter(({ from }) => Date.parse(from) >= 0);
}

/** Asks for each window. One that is not kept any more, or not yet there, is left out. */
export async function askEach(
  windows: readonly Bounds[],
  ask: (bounds: Bounds) => Promise<SketchView>,
): Promise<At[]> {
  const found = new Map<number, At>();
  const open = windows.map((bounds, index) => ({ bounds, index }));
  const worker = async () => {
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      const { bounds, index } = next;
      const answer = await ask(bounds).catch(() => undefined);
      if (answer && answer.count > 0) found.set(index, { ...bounds, answer });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return [...found].sort(([a], [b]) => a - b).map(([, at]) => at);
}

/** The lines of an answer, by name: what of it can be drawn as a number. */
export function marksOf({ answer, bound, count }: Sketch): Record<string, Mark> {
  const mark = (value: number): Mark => {
    const [low, high] = bandOf(value, bound);
    return { value, low, high };
  };
  if (answer.quantiles) {
    const drawn = answer.quantiles.filter(([share]) => share === 0.5 || share === 0.99);
    return Object.fromEntries(
      drawn.flatMap(([share, value]) => (value === null ? [] : [[`${share * 100} of 100 within`, mark(value)]])),
    );
  }
  if (answer.distinct !== undefined) return { 'distinct values': mark(answer.distinct) };
  return { values: { value: count, low: count, high: count } };
}

/** What a group is called. */
export function groupName(group: unknown): string {
  if (typeof group === 'string') return `(${group})`;
  const value = (group as { value?: unknown } | null)?.value;
  return typeof value === 'string' ? value : JSON.stringify(group);
}
