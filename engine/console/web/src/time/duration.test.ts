// Durations.
import { describe, expect, it } from 'vitest';
import { durationOf, millisOf } from './duration';

describe('a duration', () => {
  it.each(['1d', '36h', '90m', '7s', '1500ms'])('%s is written as it was', (text) => {
    expect(durationOf(millisOf(text))).toBe(text);
  });

  it('is read as the manifest writes it, and as the engine writes it back', () => {
    expect(millisOf('1m')).toBe(60_000);
    expect(millisOf('1h30m')).toBe(5_400_000);
    expect(millisOf('250ms')).toBe(250);
    expect(millisOf('7d')).toBe(millisOf('7days'));
    expect(millisOf('1h 30m')).toBe(5_400_000);
    expect(millisOf('1month 2days')).toBe(32.44 * 86_400_000);
    expect(millisOf('')).toBe(0);
  });
});
