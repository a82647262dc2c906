// What the API is asked for.
import { describe, expect, it } from 'vitest';
import { checkOf, nameOf, queryOf, valueOf, type Wish } from './wish';

const wish: Wish = { way: 'at-once', share: '5%', maxErrorRatio: '', maxP99: '', minEvents: '', force: false };

describe('a wish', () => {
  it('asks for its way and no other', () => {
    expect(queryOf(wish)).toEqual({});
    expect(queryOf({ ...wish, way: 'shadow', force: true })).toEqual({ shadow: 'true', force: 'true' });
    expect(queryOf({ ...wish, way: 'canary', maxErrorRatio: '0.01' })).toEqual({
      canary: '5%',
      'max-error-ratio': '0.01',
    });
    expect(queryOf({ ...wish, way: 'canary', maxP99: '50ms', minEvents: '10' })).toEqual({
      canary: '5%',
      'max-p99': '50ms',
      'min-events': '10',
    });
  });
});

describe('a check', () => {
  it('asks for no candidate', () => {
    expect(checkOf({ force: true })).toEqual({ 'dry-run': 'true', force: 'true' });
    expect(checkOf(wish)).toEqual({ 'dry-run': 'true' });
  });
});

describe('nameOf', () => {
  it('finds the name of the pipeline and no step', () => {
    expect(nameOf('# a comment\nname: "my-pipeline" # mine\ninput: {}')).toBe('my-pipeline');
    expect(nameOf('name: "quoted" # why')).toBe('quoted');
    expect(nameOf('steps:\n  - name: step')).toBeUndefined();
  });
});

describe('a value', () => {
  it('is told on one line', () => {
    expect(valueOf('2s')).toBe('2s');
    expect(valueOf(null)).toBe('');
    expect(valueOf({ a: [1, 'b'] })).toBe('{ "a": [ 1, "b" ] }');
  });
});
