// Events come out whole, wherever the stream is cut.
import { describe, expect, it } from 'vitest';
import { EventParser } from './events';

const STREAM = 'event: sample\ndata: {"a":1}\n\n: a comment\n\ndata: two\ndata: lines\n\n';
const EVENTS = [
  { name: 'sample', data: '{"a":1}' },
  { name: 'message', data: 'two\nlines' },
];

describe('events', () => {
  it.each([1, 2, 3, 7, 1000])('are the same in pieces of %d', (size) => {
    const parser = new EventParser();
    const found = [];
    for (let from = 0; from < STREAM.length; from += size)
      found.push(...parser.take(STREAM.slice(from, from + size)));
    expect(found).toEqual(EVENTS);
  });

  it('may end their lines as Windows does', () => {
    expect(new EventParser().take('data: x\r\n\r\n')).toEqual([{ name: 'message', data: 'x' }]);
  });

  it('are bounded', () => {
    const parser = new EventParser();
    expect(() => parser.take('x'.repeat(5_000_000))).toThrow('too long');
  });
});
