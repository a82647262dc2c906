// How near vectors are.
import { describe, expect, it } from 'vitest';
import { compare, idsOf, MOST_COMPARED, score } from './compare';

describe('a score', () => {
  it('is higher where the vectors are nearer', () => {
    expect(score('dot', [1, 2], [3, 4])).toBe(11);
    expect(score(undefined, [1, 2], [3, 4])).toBe(11);
    expect(score('cosine', [3, 0], [0, 4])).toBe(0);
    expect(score('cosine', [3, 3], [2, 2])).toBeCloseTo(1);
    expect(score('cosine', [0, 0], [2, 2])).toBe(0);
    expect(score('euclidean', [0, 0], [3, 4])).toBe(-5);
  });
});

describe('ids', () => {
  it('are each asked for once, and not too many', () => {
    expect(idsOf(' a, b\nb  c ')).toEqual(['a', 'b', 'c']);
    expect(idsOf(Array.from({ length: 99 }, (_, index) => index).join(' '))).toHaveLength(MOST_COMPARED);
  });
});

describe('a comparison', () => {
  it('has the nearest first, and those that are not there last', async () => {
    const vectors: Record<string, number[]> = { far: [1], near: [9] };
    const found = await compare(
      ['gone', 'far', 'near'],
      async (id) => vectors[id],
      (vector) => vector[0] ?? 0,
    );
    expect(found).toEqual([
      { id: 'near', score: 9 },
      { id: 'far', score: 1 },
      { id: 'gone', score: undefined },
    ]);
  });
});
