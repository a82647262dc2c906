// Durations as a manifest writes them, and as the engine writes them back.

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
const UNITS: Record<string, number> = {
  ms: 1,
  s: SECOND,
  m: 60 * SECOND,
  h: 3_600 * SECOND,
  d: DAY,
  day: DAY,
  days: DAY,
  // As the engine counts them.
  month: 30.44 * DAY,
  months: 30.44 * DAY,
  year: 365.25 * DAY,
  years: 365.25 * DAY,
};

/** A duration in the largest unit that it is a whole number of. */
export function durationOf(ms: number): string {
  const [unit, size] = (['d', 'h', 'm', 's', 'ms'] as const)
    .map((name) => [name, UNITS[name] ?? 1] as const)
    .find(([, length]) => ms >= length && ms % length === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

/** Milliseconds of a duration such as `1m`, `1h30m` or `7days`; nothing has none. */
export function millisOf(duration: string): number {
  const parts = [...duration.matchAll(/(\d+)\s*([a-z]+)/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0), 0);
}
