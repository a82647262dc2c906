// What the API is asked for.
import { describe, expect, it } from 'vitest';
import { nameOf, queryOf, type Wish } from './wish';

const wish: Wish = { way: 'at-once', share: '5%', maxErrorRatio: '', force: false };

describe('a wish', () => {
  it('asks for its way and no other', () => {
    expect(queryOf(wish)).toEqual({});
    expect(queryOf({ ...wish, way: 'shadow', force: true })).toEqual({ shadow: 'true', force: 'true' });
    expect(queryOf({ ...wish, way: 'canary', maxErrorRatio: '0.01' })).toEqual({
      canary: '5%',
      'max-error-ratio': '0.01',
    });
  });
});

describe('nameOf', () => {
  it('finds the name of the pipeline and no step', () => {
    expect(nameOf('# a comment\nname: "my-pipeline" # mine\ninput: {}')).toBe('my-pipeline');
    expect(nameOf('name: "quoted" # why')).toBe('quoted');
    expect(nameOf('steps:\n  - name: step')).toBeUndefined();
  });
});
