// An axis with round numbers.

/** Steps between two lines, about. */
const STEPS = 3;
const ROUND = [1, 2, 2.5, 5, 10];

export interface Axis {
  least: number;
  most: number;
  /** From the least to the most. */
  ticks: number[];
}

/** An axis that holds all values, and zero. */
export function axisOf(values: readonly number[]): Axis {
  const low = Math.min(0, ...values);
  const most = Math.max(0, ...values);
  const high = most > low ? most : low + 1;
  const step = roundUp((high - low) / STEPS);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  // A whole number of steps, so that no tick is 0.30000000000000004.
  const ticks = Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
  return { least: ticks[0] ?? 0, most: ticks.at(-1) ?? 1, ticks };
}

/** Where a value is between the ends. */
export function partOf(value: number, { least, most }: Axis): number {
  return (value - least) / (most - least);
}

function roundUp(step: number): number {
  const size = 10 ** Math.floor(Math.log10(step));
  const round = ROUND.find((one) => one * size >= step) ?? 10;
  return round * size;
}
