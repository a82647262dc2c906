// The error band of an answer. Bounds are those that the sketches state of themselves.
import type { Sketch } from '../../../api/shapes/query';
import { partOf, type Axis } from '../../../parts/chart/axis';

/** Standard errors within which 95 of 100 answers are. */
const WIDTH_95 = 1.96;

/** Lowest and highest true value behind an answer. */
export function bandOf(value: number, bound: Sketch['bound']): [low: number, high: number] {
  const error = bound.error ?? 0;
  const part = bound.type === 'standard-error' ? error * WIDTH_95 : bound.type === 'relative' ? error : 0;
  const by = Math.abs(value) * part;
  return [value - by, value + by];
}

export interface Point {
  x: number;
  y: number;
  low: number;
  high: number;
}

/** The whole of what an answer tells of its quantiles; the ends are exact. */
export function wholeOf({ quantiles, min, max }: Sketch['answer']): [number, number][] {
  return knownOf([[0, min ?? null], ...(quantiles ?? []), [1, max ?? null]]);
}

/** A curve and its band as the points of a picture of this size. */
export function drawn(points: readonly Point[], width: number, height: number): { line: string; band: string } {
  const at = (x: number, y: number) => `${x * width},${y * height}`;
  const highs = points.map(({ x, high }) => at(x, high));
  const lows = points.map(({ x, low }) => at(x, low)).reverse();
  return { line: points.map(({ x, y }) => at(x, y)).join(' '), band: [...highs, ...lows].join(' ') };
}

/** Items with their counts; each value of a sample stands for itself. */
export function countedOf(items: readonly (string | [string, number])[]): [string, number][] {
  return items.map((item) => (typeof item === 'string' ? [item, 1] : item));
}

/** The quantiles that have a value. */
export function knownOf(quantiles: readonly [number, number | null][]): [number, number][] {
  return quantiles.flatMap(([share, value]): [number, number][] => (value === null ? [] : [[share, value]]));
}

/** A curve of quantiles, in parts of the picture: x is the share of values, y grows downwards. */
export function curveOf(quantiles: readonly [number, number][], bound: Sketch['bound'], axis: Axis): Point[] {
  const down = (value: number) => 1 - partOf(value, axis);
  return quantiles.map(([share, value]) => {
    const [low, high] = bandOf(value, bound);
    return { x: share, y: down(value), low: down(low), high: down(high) };
  });
}
