// The states of many pipelines: how many are in each, and which matter first.
import type { ListedPipeline, StateName } from '../../api/shapes/pipeline';

/** What needs somebody comes first. */
const ORDER: readonly StateName[] = [
  'parked',
  'unreadable',
  'degraded',
  'waiting',
  'paused',
  'deleting',
  'creating',
  'starting',
  'stopped',
  'standing-by',
  'running',
];

function weight(state: StateName): number {
  const found = ORDER.indexOf(state);
  return found < 0 ? 0 : found;
}

/** Those in trouble first, then by name. */
export function byTrouble(list: readonly ListedPipeline[]): ListedPipeline[] {
  return [...list].sort((a, b) => weight(a.state) - weight(b.state) || a.name.localeCompare(b.name));
}

export function statesOf(list: readonly ListedPipeline[]): { state: StateName; count: number }[] {
  const counts = new Map<StateName, number>();
  for (const { state } of list) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = [...counts].map(([state, count]) => ({ state, count }));
  return states.sort((a, b) => weight(a.state) - weight(b.state));
}
