// Round numbers.
import { describe, expect, it } from 'vitest';
import { axisOf, partOf } from './axis';

describe('an axis', () => {
  it.each([
    [[23.4], [0, 10, 20, 30]],
    [
      [177.8, -1.01],
      [-100, 0, 100, 200],
    ],
    [[0.7], [0, 0.25, 0.5, 0.75]],
    [[], [0, 0.5, 1]],
    [[-3], [-3, -2, -1, 0]],
  ])('of %j has the ticks %j', (values, ticks) => {
    expect(axisOf(values).ticks).toEqual(ticks);
  });

  it('has every value between its ends', () => {
    const axis = axisOf([-2, 9]);
    for (const value of [-2, 0, 9]) {
      expect(partOf(value, axis)).toBeGreaterThanOrEqual(0);
      expect(partOf(value, axis)).toBeLessThanOrEqual(1);
    }
  });
});
