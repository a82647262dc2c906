// The difference of two revisions.
import { describe, expect, it } from 'vitest';
import { changes, diff } from './diff';

const shown = (before: string, after: string) =>
  diff(before, after).map(({ kind, text }) => ({ same: ' ', gone: '-', new: '+' })[kind] + text);

describe('diff', () => {
  it('says what is gone and what is new', () => {
    expect(shown('a\nb\nc', 'a\nx\nc')).toEqual([' a', '-b', '+x', ' c']);
    expect(shown('a', 'a\nb')).toEqual([' a', '+b']);
    expect(shown('a\nb', 'b')).toEqual(['-a', ' b']);
  });

  it('shows both where they are too long to be compared', () => {
    const long = Array.from({ length: 3_000 }, (_, line) => `line ${line}`).join('\n');
    expect(diff(long, long)).toHaveLength(6_000);
  });
});

describe('changes', () => {
  it('are shown with some lines round them', () => {
    const before = 'a\nb\nc\nd\ne\nf\ng\nh\ni';
    const found = changes(diff(before, before.replace('i', 'x')), 2);
    expect(found.map(({ text }) => text)).toEqual(['…', 'g', 'h', 'i', 'x']);
  });

  it('are none of two that are the same', () => {
    expect(changes(diff('a\nb', 'a\nb'))).toEqual([]);
  });
});
