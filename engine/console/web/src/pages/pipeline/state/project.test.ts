import { describe, expect, it } from 'vitest';
import { project } from './project';

describe('a map of vectors', () => {
  it('keeps what lies on a line on a line, in its order', () => {
    const { points, spread } = project([0, 1, 2, 10].map((step) => [step, 2 * step, -step]));
    const along = points.map(([x]) => x);
    const rising = [...along].sort((one, other) => one - other);
    expect([rising, [...rising].reverse()]).toContainEqual(along);
    for (const [, y] of points) expect(Math.abs(y)).toBeLessThan(1e-6);
    expect(spread[0]).toBeCloseTo(1, 9);
    expect(spread[1]).toBeCloseTo(0, 9);
  });

  it('finds the directions of the greatest spread, the greater one first', () => {
    const vectors = [
      [0, 9, 0, 1],
      [0, -9, 0, 1],
      [3, 0, 0, 1],
      [-3, 0, 0, 1],
    ];
    const { points, spread } = project(vectors);
    expect(spread[0]).toBeCloseTo(162 / 180, 6);
    expect(spread[1]).toBeCloseTo(18 / 180, 6);
    expect(Math.abs(points[0]?.[0] ?? 0)).toBeCloseTo(1, 6);
    expect(Math.abs(points[2]?.[1] ?? 0)).toBeCloseTo(3 / 9, 4);
  });

  it('takes directions alone where they are compared by the cosine', () => {
    const { points } = project(
      [
        [1, 0],
        [100, 0],
        [0, 1],
        [0, 7],
      ],
      true,
    );
    expect(points[0]?.[0]).toBeCloseTo(points[1]?.[0] ?? NaN, 9);
    expect(points[2]?.[0]).toBeCloseTo(points[3]?.[0] ?? NaN, 9);
    expect(points[0]?.[0]).not.toBeCloseTo(points[2]?.[0] ?? NaN, 3);
  });

  it('takes what has no spread, one alone, and nothing', () => {
    const zero = [
      [0, 0],
      [0, 0],
    ];
    expect(project(zero)).toEqual({ points: zero, spread: [0, 0] });
    expect(project([[3, 4]]).points).toEqual([[0, 0]]);
    expect(project([]).points).toEqual([]);
  });
});
