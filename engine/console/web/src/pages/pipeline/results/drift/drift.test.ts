// Drift.
import { describe, expect, it } from 'vitest';
import { firstStretches, furthest, meaning, sharesOf, usualDistance } from './drift';

const stretches = { last: { count: 100 }, base: { count: 100 } };

describe('the stretches', () => {
  it('begin within what is kept, in whole windows', () => {
    expect(firstStretches({ window: '1m', keep: '1h' })).toEqual({ last: '6m', base: '30m' });
    expect(firstStretches({ window: '1h', keep: '7days' })).toEqual({ last: '17h', base: '85h' });
    expect(firstStretches({ window: '1m', keep: '3m' })).toEqual({ last: '1m', base: '5m' });
  });
});

describe('the number', () => {
  it('is told against chance', () => {
    expect(usualDistance(100, 100)).toBeCloseTo(0.19, 2);
    expect(meaning('quantiles', { drift: 0.1, ...stretches })).toMatch(/this is no more than chance/);
    expect(meaning('quantiles', { drift: 0.5, ...stretches })).toMatch(/this is more than chance/);
  });

  it('means something else for each kind', () => {
    expect(meaning('top', { drift: 0.3, ...stretches })).toMatch(/^Much/);
    expect(meaning('top', { drift: 0.05, ...stretches })).toMatch(/^Little/);
    expect(meaning('distinct', { drift: 0.5, ...stretches })).toMatch(/^50 of 100/);
    expect(meaning('distinct', { drift: null, ...stretches })).toMatch(/no values/);
  });
});

describe('two curves', () => {
  it('are furthest apart at a value', () => {
    const older: [number, number][] = [
      [0, 0],
      [0.5, 50],
      [1, 100],
    ];
    const newer: [number, number][] = [
      [0, 0],
      [0.5, 80],
      [1, 100],
    ];
    expect(furthest(newer, older)).toEqual({ value: 80, newer: 0.5, older: 0.8 });
    expect(furthest([], older)).toBeUndefined();
    expect(
      furthest(
        [
          [0, 3],
          [1, 3],
        ],
        [
          [0, 1],
          [1, 1],
        ],
      ),
    ).toEqual({ value: 1, newer: 0, older: 1 });
  });
});

describe('two lists', () => {
  it('are told by the shares of their items', () => {
    expect(
      sharesOf(
        [['tea', 3]],
        [
          ['tea', 1],
          ['cake', 3],
        ],
        { newer: 4, older: 4 },
      ),
    ).toEqual([
      { item: 'tea', newer: 0.75, older: 0.25 },
      { item: 'cake', newer: 0, older: 0.75 },
    ]);
  });
});
