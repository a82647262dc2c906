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
