// What drift means for each kind of sketch, the stretches that one begins with, and where two curves are furthest
// apart.
import type { DeclaredSketch } from '../../../../api/shapes/pipeline';
import type { Drift } from '../../../../api/shapes/query';
import { measured } from '../../../../parts/text';
import { durationOf, millisOf } from '../../../../time/duration';

/** The part of what is kept that is the last stretch, where nothing is said; the one before it is this many times as long. */
const PART = 10;
const TIMES = 5;
/** The population stability index: below the first little has changed, above the second much has. */
const LITTLE = 0.1;
const MUCH = 0.25;
/** Of the statistic of Kolmogorov and Smirnov: 95 of 100 pairs of the same distribution are within. */
const USUAL_95 = 1.36;

/** Whether a sketch of this kind has a drift. */
export function drifts({ kind }: DeclaredSketch): boolean {
  return kind === 'quantiles' || kind === 'top' || kind === 'distinct';
}

/** The stretches that one begins with, in whole windows, within what is kept. */
export function firstStretches({ window, keep }: DeclaredSketch): { last: string; base: string } {
  const windowMs = Math.max(1, millisOf(window ?? ''));
  const windows = Math.max(1, Math.round(millisOf(keep ?? '') / windowMs / PART));
  return { last: durationOf(windows * windowMs), base: durationOf(windows * windowMs * TIMES) };
}

/** What the number says, in a sentence. */
export function meaning(kind: string | undefined, { drift, last, base }: Drift): string {
  if (drift === null) return 'One of the two stretches has no values: choose others.';
  if (kind === 'top') {
    const much =
      drift < LITTLE ? 'Little has changed' : drift > MUCH ? 'Much has changed' : 'Something has changed';
    return `${much}: the population stability index of the items' shares, from 0.`;
  }
  if (kind === 'distinct') {
    return `${measured(drift * 100)} of 100 values are in one of the two only: the Jaccard distance, 0 to 1.`;
  }
  const usual = usualDistance(last.count, base.count);
  const than = drift > usual ? 'more than chance alone makes' : 'no more than chance alone makes';
  return `The largest distance of the two distributions, 0 to 1. With so many values, up to ${measured(usual)} is usual: this is ${than}.`;
}

/** The distance within which 95 of 100 pairs of samples of one distribution are. */
export function usualDistance(one: number, other: number): number {
  return Math.min(1, USUAL_95 * Math.sqrt((one + other) / (one * other)));
}

export interface Furthest {
  value: number;
  /** Shares of values up to it. */
  newer: number;
  older: number;
}

/** About where two curves of quantiles are furthest apart, as seen from their values. */
export function furthest(
  newer: readonly [number, number][],
  older: readonly [number, number][],
): Furthest | undefined {
  if (newer.length === 0 || older.length === 0) return undefined;
  const values = [...newer, ...older].map(([, value]) => value);
  const found = values.map((value) => ({ value, newer: shareUpTo(newer, value), older: shareUpTo(older, value) }));
  return found.reduce((most, one) =>
    Math.abs(one.newer - one.older) > Math.abs(most.newer - most.older) ? one : most,
  );
}

/** The share of the values up to this one, on straight lines between the quantiles. */
function shareUpTo(curve: readonly [number, number][], value: number): number {
  const above = curve.findIndex(([, one]) => one > value);
  if (above === -1) return 1;
  const [before, after] = [curve[above - 1], curve[above]];
  if (!before || !after) return 0;
  const part = (value - before[1]) / (after[1] - before[1]);
  return before[0] + part * (after[0] - before[0]);
}

/** The items of two lists with their shares, the most frequent first. */
export function sharesOf(
  newer: readonly [string, number][],
  older: readonly [string, number][],
  counts: { newer: number; older: number },
): { item: string; newer: number; older: number }[] {
  const items = [...new Set([...newer, ...older].map(([item]) => item))];
  const share = (list: readonly [string, number][], item: string, count: number) =>
    (list.find(([name]) => name === item)?.[1] ?? 0) / Math.max(1, count);
  return items
    .map((item) => ({
      item,
      newer: share(newer, item, counts.newer),
      older: share(older, item, counts.older),
    }))
    .sort((one, other) => Math.max(other.newer, other.older) - Math.max(one.newer, one.older));
}
