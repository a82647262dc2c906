// Values of results.
import { describe, expect, it } from 'vitest';
import { textOf } from './value';

describe('a value', () => {
  it('is written as it is', () => {
    expect(textOf({ encoding: 'json', value: { a: [1] } })).toBe('{"a":[1]}');
    expect(textOf({ encoding: 'json', value: 'x' }, 2)).toBe('"x"');
    expect(textOf({ encoding: 'text', value: '<b>' })).toBe('<b>');
    expect(textOf({ encoding: 'base64', value: 'AP8=' })).toBe('AP8=');
  });
});
