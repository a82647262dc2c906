// Sources of a stream.
import { describe, expect, it } from 'vitest';
import { sourcesOf } from './sources';

describe('sources', () => {
  it('are a stream and a subject each', () => {
    expect(sourcesOf(' SHOP=shop.events.>, returns=shop.returns.* ')).toEqual([
      { stream: 'SHOP', subject: 'shop.events.>' },
      { stream: 'returns', subject: 'shop.returns.*' },
    ]);
    expect(() => sourcesOf('shop.>')).toThrow(/write it as SHOP=shop\.events\.>/);
  });
});
