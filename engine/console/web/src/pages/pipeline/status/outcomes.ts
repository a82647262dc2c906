// The outcomes of events, each of which an event has exactly one of.
import type { Counts } from '../../../api/shapes/status';

type Name = 'emitted' | 'forwarded' | 'dropped' | 'duplicates' | 'shed' | 'rejected' | 'dead';

export const OUTCOMES: readonly { name: Name; tone: string; says: string }[] = [
  { name: 'emitted', tone: 'good', says: 'a step published messages of its own' },
  { name: 'forwarded', tone: 'soft', says: 'passed through all steps as it came' },
  { name: 'dropped', tone: 'quiet-tone', says: 'a step wanted it no further' },
  { name: 'duplicates', tone: 'quiet-tone', says: 'seen before, by its dedup id' },
  { name: 'shed', tone: 'warn', says: 'let go by a limit' },
  { name: 'rejected', tone: 'bad', says: 'refused by a step with a reason; a dead letter keeps it' },
  { name: 'dead', tone: 'bad', says: 'failed after its retries; a dead letter keeps it' },
];

export interface Share {
  name: Name;
  tone: string;
  from: number;
  part: number;
}

/** Parts of one, from left to right; none where nothing was counted. */
export function sharesOf(counts: Pick<Counts, Name>): Share[] {
  const all = OUTCOMES.reduce((sum, { name }) => sum + counts[name], 0);
  let from = 0;
  return OUTCOMES.filter(({ name }) => counts[name] > 0).map(({ name, tone }) => {
    const part = counts[name] / all;
    const share = { name, tone, from, part };
    from += part;
    return share;
  });
}

/** What became of the events a second, one outcome on top of the other. */
export interface Layer {
  name: Name;
  tone: string;
  /** Of each look, from the first to the last. */
  low: number[];
  high: number[];
}

export const NAMES: readonly Name[] = OUTCOMES.map(({ name }) => name);

/** Layers from the bottom up; an outcome that never came has none. `rates` are in the order of the outcomes. */
export function layersOf(rates: readonly number[][]): Layer[] {
  let below = (rates[0] ?? []).map(() => 0);
  return OUTCOMES.flatMap(({ name, tone }, index) => {
    const own = rates[index] ?? [];
    if (!own.some((rate) => rate > 0)) return [];
    const low = below;
    below = low.map((under, look) => under + (own[look] ?? 0));
    return [{ name, tone, low, high: below }];
  });
}
