// Alarms of several pipelines in one list.
import type { Alarm } from '../../api/shapes/status';

export interface OfPipeline {
  pipeline: string;
  alarm: Alarm;
}

const WEIGHT: Record<string, number> = { firing: 2, pending: 1 };

/** Those that fire first, then those that may soon, then by name. */
export function ordered(alarms: readonly OfPipeline[]): OfPipeline[] {
  const weight = ({ alarm }: OfPipeline) => WEIGHT[alarm.state] ?? 0;
  const name = ({ pipeline, alarm }: OfPipeline) => `${pipeline} ${alarm.name}`;
  return [...alarms].sort((a, b) => weight(b) - weight(a) || name(a).localeCompare(name(b)));
}

/** The value as a part of its threshold, at most one; nothing where that says nothing. */
export function nearness({ value, threshold }: Pick<Alarm, 'value' | 'threshold'>): number | undefined {
  if (value === null || threshold <= 0 || value < 0) return undefined;
  return Math.min(1, value / threshold);
}
