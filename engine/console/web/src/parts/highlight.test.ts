// Marked text says the same as before.
import { describe, expect, it } from 'vitest';
import { tokensOf, type Token } from './highlight';

const told = (tokens: Token[]) =>
  tokens.filter(({ kind }) => kind !== 'plain').map(({ kind, text }) => `${kind} ${text}`);

describe('tokens', () => {
  it('of JSON tell names from values', () => {
    expect(told(tokensOf('{ "a" : "b:", "n": -1.5e3, "t": [true, null] }', 'json'))).toEqual([
      'name "a"',
      'string "b:"',
      'name "n"',
      'number -1.5e3',
      'name "t"',
      'word true',
      'word null',
    ]);
  });

  it('of Protobuf tell keywords, numbers and comments', () => {
    expect(told(tokensOf('// an "order"\nmessage Order { string id = 1; /* open', 'protobuf'))).toEqual([
      'comment // an "order"',
      'word message',
      'word string',
      'number 1',
      'comment /* open',
    ]);
  });

  it.each(['{"a": <b>', '"open', '//x', '', '\u001b[31m', 'x'.repeat(70_000)])('are the text, %j', (text) => {
    for (const language of ['json', 'protobuf'] as const) {
      const all = tokensOf(text, language).map((token) => token.text);
      expect(all.join('')).toBe(text);
    }
  });
});
