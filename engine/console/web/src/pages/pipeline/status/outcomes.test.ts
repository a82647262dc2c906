// The bar of outcomes.
import { describe, expect, it } from 'vitest';
import { layersOf, NAMES, sharesOf } from './outcomes';

const none = { emitted: 0, forwarded: 0, dropped: 0, duplicates: 0, shed: 0, rejected: 0, dead: 0 };

describe('shares', () => {
  it('fill the bar', () => {
    const shares = sharesOf({ ...none, emitted: 3, dead: 1 });
    expect(shares.map(({ name, from, part }) => [name, from, part])).toEqual([
      ['emitted', 0, 0.75],
      ['dead', 0.75, 0.25],
    ]);
  });

  it('are none of nothing', () => {
    expect(sharesOf(none)).toEqual([]);
  });
});

describe('layers', () => {
  it('stand on each other', () => {
    const rates = NAMES.map((name) => (name === 'forwarded' ? [2, 4] : name === 'rejected' ? [1, 0] : [0, 0]));
    expect(layersOf(rates)).toEqual([
      { name: 'forwarded', tone: 'soft', low: [0, 0], high: [2, 4] },
      { name: 'rejected', tone: 'bad', low: [2, 4], high: [3, 4] },
    ]);
  });

  it('are none of nothing', () => {
    expect(layersOf([])).toEqual([]);
    expect(layersOf(NAMES.map(() => [0]))).toEqual([]);
  });
});
