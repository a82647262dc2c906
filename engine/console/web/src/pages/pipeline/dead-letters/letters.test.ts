// Groups of dead letters, and sending many again.
import { describe, expect, it } from 'vitest';
import type { DeadLetter } from '../../../api/shapes/dead-letter';
import { each, groupsOf, headersOf, wholeOf } from './letters';

const letter = (id: number, code: string) => ({ id, step: 'check', code, reason: `because ${id}` }) as DeadLetter;

describe('groups', () => {
  it('are by step and code, the largest first', () => {
    const groups = groupsOf([letter(1, 'a'), letter(2, 'b'), letter(3, 'b')]);
    expect(groups.map(({ code, letters }) => [code, letters.map(({ id }) => id)])).toEqual([
      ['b', [2, 3]],
      ['a', [1]],
    ]);
  });
});

describe('what can be sent again', () => {
  it('is whole', () => {
    const cut = { ...letter(2, 'too-large'), cut_from: 44 };
    expect(wholeOf([letter(1, 'a'), cut]).map(({ id }) => id)).toEqual([1]);
  });
});

describe('headers of a mended event', () => {
  it('are those that its publisher gave it', () => {
    const headers = ['Nats-Msg-Id', 'Tr-Marker', 'Trace'].map((name) => ({ name, value: 'x' }));
    expect(headersOf({ headers })).toEqual({ Trace: 'x' });
  });
});

describe('each', () => {
  it('sends every one once and tells how many are done', async () => {
    const sent: number[] = [];
    const told: number[] = [];
    await each(
      [1, 2, 3, 4, 5, 6],
      async (id) => sent.push(id),
      (done) => told.push(done),
    );
    expect(sent).toEqual([1, 2, 3, 4, 5, 6]);
    expect(told.at(-1)).toBe(6);
  });

  it('ends with the first that is refused', async () => {
    const sent: number[] = [];
    const send = async (id: number) => {
      sent.push(id);
      if (id === 1) throw new Error('refused');
    };
    const all = Array.from({ length: 100 }, (_, index) => index + 1);
    await expect(each(all, send, () => undefined)).rejects.toThrow('refused');
    expect(sent.length).toBeLessThan(10);
  });
});
