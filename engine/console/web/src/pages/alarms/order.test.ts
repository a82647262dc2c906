// The order of alarms, and how near they are.
import { describe, expect, it } from 'vitest';
import type { Alarm } from '../../api/shapes/status';
import { nearness, ordered } from './order';

const of = (pipeline: string, name: string, state: string) => ({ pipeline, alarm: { name, state } as Alarm });

describe('alarms', () => {
  it('that fire come first', () => {
    const all = [of('b', 'x', 'quiet'), of('a', 'y', 'quiet'), of('c', 'z', 'pending'), of('d', 'w', 'firing')];
    expect(ordered(all).map(({ pipeline }) => pipeline)).toEqual(['d', 'c', 'a', 'b']);
  });

  it('are near as their value is', () => {
    expect(nearness({ value: 1, threshold: 4 })).toBe(0.25);
    expect(nearness({ value: 9, threshold: 4 })).toBe(1);
    expect(nearness({ value: null, threshold: 4 })).toBeUndefined();
    expect(nearness({ value: 1, threshold: 0 })).toBeUndefined();
  });
});
