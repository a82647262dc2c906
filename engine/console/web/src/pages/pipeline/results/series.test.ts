// Windows and groups of a sketch.
import { describe, expect, it } from 'vitest';
import type { SketchView } from '../../../api/shapes/query';
import { askEach, groupName, marksOf, windowsUpTo } from './series';

const view = (count: number): SketchView => ({
  kind: 'distinct',
  count,
  accuracy: '',
  bound: { type: 'relative', error: 0.1 },
  answer: { distinct: 10 },
});

describe('windows', () => {
  it('end at the border, the oldest first', () => {
    expect(windowsUpTo('2026-11-01T12:03:00.000Z', 60_000, 2)).toEqual([
      { from: '2026-11-01T12:01:00.000Z', to: '2026-11-01T12:02:00.000Z' },
      { from: '2026-11-01T12:02:00.000Z', to: '2026-11-01T12:03:00.000Z' },
    ]);
    expect(windowsUpTo('nonsense', 60_000)).toEqual([]);
    expect(windowsUpTo('1970-01-01T00:01:00.000Z', 60_000)).toHaveLength(1);
  });

  it('stay in order, and leave out what has no answer', async () => {
    const windows = windowsUpTo('2026-11-01T12:10:00.000Z', 60_000, 6);
    const found = await askEach(windows, async ({ from }) => {
      const minute = new Date(from).getUTCMinutes();
      if (minute === 5) throw new Error('not kept');
      await new Promise((resolve) => setTimeout(resolve, 10 - minute));
      return view(minute === 7 ? 0 : minute);
    });
    expect(found.map(({ answer }) => answer.count)).toEqual([4, 6, 8, 9]);
  });
});

describe('marks', () => {
  it('carry their band', () => {
    expect(marksOf(view(3))).toEqual({ 'distinct values': { value: 10, low: 9, high: 11 } });
  });

  it('are the middle and the end of quantiles', () => {
    const quantiles: [number, number | null][] = [
      [0.5, 10],
      [0.9, 20],
      [0.99, null],
    ];
    expect(Object.keys(marksOf({ ...view(1), answer: { quantiles } }))).toEqual(['50 of 100 within']);
  });
});

describe('groups', () => {
  it('are told from the rest, whatever their values are', () => {
    expect(groupName({ value: 'other' })).toBe('other');
    expect(groupName('other')).toBe('(other)');
  });
});
