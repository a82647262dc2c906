// Every exit of a parked state has a way in the console.
import { describe, expect, it } from 'vitest';
import { exitOf, queryOf } from './exits';

describe('exits', () => {
  it.each([
    ['the stream dropped events; resume shop --accept-loss', 'accept-loss'],
    ['make it again, then `resume NAME --from first`', 'from'],
    ['`tailrace pipeline resume NAME --new-stream` begins again', 'new-stream'],
    ['or resume NAME --stream STREAM', 'stream'],
    ['the bytes of a plugin are gone', 'again'],
  ])('%s leads to %s', (reason, exit) => {
    expect(exitOf(reason)).toBe(exit);
  });

  it('asks what the exit needs', () => {
    const said = { from: ' 42 ', stream: ' NEW ' };
    expect(queryOf('again', said)).toEqual({});
    expect(queryOf('from', said)).toEqual({ from: '42' });
    expect(queryOf('from', { from: '', stream: '' })).toEqual({ from: 'first' });
    expect(queryOf('stream', said)).toEqual({ stream: 'NEW', from: '42' });
    expect(queryOf('new-stream', said)).toEqual({ 'new-stream': 'true' });
  });
});
