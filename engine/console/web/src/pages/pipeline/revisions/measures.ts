// What an active revision and its candidate are compared in.
import type { Side } from '../../../api/shapes/pipeline';

export interface Measure {
  name: string;
  unit: 'count' | 'part' | 'time';
  of: (side: Side) => number | undefined;
}

export const MEASURES: readonly Measure[] = [
  { name: 'Events', unit: 'count', of: ({ events }) => events },
  { name: 'Failed or rejected', unit: 'part', of: ({ errors, events }) => part(errors, events) },
  { name: 'Fuel an event', unit: 'count', of: ({ fuel, events }) => part(fuel, events) },
  { name: 'Half within', unit: 'time', of: ({ latency }) => latency.p50_us ?? undefined },
  { name: '99 of 100 within', unit: 'time', of: ({ latency }) => latency.p99_us ?? undefined },
];

export function partOf(value: number | undefined): string {
  return value === undefined ? '–' : `${(value * 100).toFixed(2)} %`;
}

function part(count: number, of: number): number | undefined {
  return of === 0 ? undefined : count / of;
}
