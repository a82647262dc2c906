// The bar of outcomes.
import { describe, expect, it } from 'vitest';
import { sharesOf } from './outcomes';

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
