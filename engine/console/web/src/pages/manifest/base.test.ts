// A text that began with a revision, seen from what is active now.
import { describe, expect, it } from 'vitest';
import { isOutdated, isSame } from './base';

const first = { text: 'a', revision: 1, etag: '"4"' };

describe('a text', () => {
  it('is not outdated while its revision is the active one, whatever else changes', () => {
    expect(isOutdated(first, first, 1)).toBe(false);
    expect(isOutdated(first, { ...first, etag: '"5"' }, undefined)).toBe(false);
    expect(isSame(first, { ...first, etag: '"5"' })).toBe(true);
  });

  it('is outdated when another revision was read, or the status has seen one', () => {
    expect(isOutdated(first, { text: 'b', revision: 2, etag: '"6"' }, 1)).toBe(true);
    expect(isOutdated(first, first, 2)).toBe(true);
  });

  it('is outdated when the pipeline was made anew with another manifest', () => {
    expect(isOutdated({ ...first, revision: 3 }, { text: 'b', revision: 1, etag: '"9"' }, 1)).toBe(true);
  });

  it('of a new pipeline has nothing to be older than', () => {
    const fresh = { text: 'a', revision: undefined, etag: undefined };
    expect(isOutdated(fresh, { ...fresh, text: 'b' }, undefined)).toBe(false);
  });

  it('is not outdated by a status that is behind what was read', () => {
    const second = { text: 'b', revision: 2, etag: '"6"' };
    expect(isOutdated(second, second, 1)).toBe(false);
  });
});
