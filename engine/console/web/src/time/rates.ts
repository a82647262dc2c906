// From counters to rates. The API counts since the engine took a pipeline up; a rate is the difference of two
// answers. A counter that went down belongs to an engine that began again, so the history begins again too.

/** Looks that are kept: ten minutes at one in two seconds. It bounds what an open page holds. */
export const MOST_LOOKS = 300;

export type Counters = Record<string, number>;

interface Look {
  atMs: number;
  counters: Counters;
}

export class Rates {
  readonly #most: number;
  #looks: Look[] = [];

  constructor(most = MOST_LOOKS) {
    this.#most = most;
  }

  add(atMs: number, counters: Counters): void {
    const last = this.#looks.at(-1);
    if (last && atMs <= last.atMs) return;
    const beganAgain = last && Object.entries(counters).some(([name, count]) => count < (last.counters[name] ?? 0));
    if (beganAgain) this.#looks = [];
    this.#looks.push({ atMs, counters: { ...counters } });
    if (this.#looks.length > this.#most) this.#looks.shift();
  }

  /** A second, over about the last ten seconds; none before the second look. */
  now(name: string, overMs = 10_000): number | undefined {
    const last = this.#looks.at(-1);
    if (!last) return undefined;
    const first = this.#looks.find(({ atMs }) => atMs >= last.atMs - overMs) ?? last;
    const from = first === last ? this.#looks.at(-2) : first;
    return from ? rate(from, last, name) : undefined;
  }

  /** Times in seconds and, for each name, the rate between two looks. */
  history(names: readonly string[]): { seconds: number[]; rates: number[][] } {
    const pairs = this.#looks.slice(1).map((look, index) => [this.#looks[index] ?? look, look] as const);
    return {
      seconds: pairs.map(([, look]) => look.atMs / 1000),
      rates: names.map((name) => pairs.map(([before, look]) => rate(before, look, name))),
    };
  }
}

function rate(from: Look, to: Look, name: string): number {
  const seconds = (to.atMs - from.atMs) / 1000;
  return ((to.counters[name] ?? 0) - (from.counters[name] ?? 0)) / seconds;
}
