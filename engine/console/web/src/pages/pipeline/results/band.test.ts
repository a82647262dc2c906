// Error bands.
import { describe, expect, it } from 'vitest';
import { axisOf } from '../../../parts/chart/axis';
import { bandOf, curveOf } from './band';

describe('bands', () => {
  it('are as wide as the bound says', () => {
    expect(bandOf(100, { type: 'relative', error: 0.01 })).toEqual([99, 101]);
    expect(bandOf(100, { type: 'exact' })).toEqual([100, 100]);
    expect(bandOf(1000, { type: 'standard-error', error: 0.01 })[1]).toBeCloseTo(1019.6);
  });

  it('lie round their curve, within the picture', () => {
    const quantiles: [number, number][] = [
      [0.5, 10],
      [0.99, 100],
    ];
    for (const { y, low, high } of curveOf(quantiles, { type: 'relative', error: 0.1 }, axisOf([110]))) {
      expect(low).toBeGreaterThanOrEqual(y);
      expect(high).toBeLessThanOrEqual(y);
      expect(high).toBeGreaterThanOrEqual(0);
      expect(low).toBeLessThanOrEqual(1);
    }
  });
});
