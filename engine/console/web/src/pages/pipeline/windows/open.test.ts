// What is open of a window.
import { describe, expect, it } from 'vitest';
import type { DeclaredWindow, OpenWindow } from '../../../api/shapes/window';
import { groupParameter, kindOf, leftOf, rowsOf, stretchesOf, toldAt, told } from './open';

const MINUTE = 60_000;
const AT = Date.parse('2026-11-01T10:00:00.000Z');
const iso = (minutes: number) => new Date(AT + minutes * MINUTE).toISOString();

function entry(from: number, to: number, group: Record<string, unknown>, events = 1, partition = 0): OpenWindow {
  return { partition, events, result: { start: iso(from), end: iso(to), ...group } };
}

const tumbling: DeclaredWindow = { over: { tumbling: '1m' }, aggregate: { n: 'count' }, grace: '30s' };
const hopping: DeclaredWindow = {
  over: { hopping: '3m', every: '1m' },
  by: { shop: {}, item: {} },
  aggregate: { n: 'count' },
};

describe('open windows', () => {
  it('are told by their stretches, those that end first at the top', () => {
    const rows = rowsOf(
      [entry(1, 2, { key: 'tea' }, 4), entry(0, 1, { key: 'tea' }), entry(0, 1, { key: 'cake' }, 2)],
      tumbling,
    );
    const { shown, more } = stretchesOf(rows, tumbling, AT, 1);
    expect(shown).toEqual([{ from: AT, to: AT + MINUTE, groups: 2, events: 3 }]);
    expect(more).toBe(1);
    expect(rows[0]?.over).toBe(AT + 2 * MINUTE + 30_000);
  });

  it('of a hopping kind are put together of their steps', () => {
    const rows = rowsOf(
      [entry(0, 1, { shop: 'a', item: 'tea' }), entry(2, 3, { shop: 'a', item: 'tea' }, 5)],
      hopping,
    );
    const { shown } = stretchesOf(rows, hopping, AT + 2.5 * MINUTE, 9);
    expect(
      shown.map(({ from, to, groups, events }) => [(from - AT) / MINUTE, (to - AT) / MINUTE, groups, events]),
    ).toEqual([
      [0, 3, 1, 6],
      [1, 4, 1, 5],
      [2, 5, 1, 5],
    ]);
    expect(rows[0]?.group).toEqual(['tea', 'a']);
  });

  it('are over when the watermark is behind their grace', () => {
    expect(toldAt(AT, tumbling)).toBe(AT + 30_000);
    expect(toldAt(AT, { ...tumbling, late: 'correct' })).toBe(AT);
    expect(leftOf(AT + MINUTE, AT)).toBe('in 1 min');
    expect(leftOf(AT, AT)).toBe('with the next event');
    expect(leftOf(AT, 0)).toBe('–');
  });

  it('say how they lie', () => {
    expect(kindOf(tumbling)).toBe('1m long, one after the other, by key');
    expect(kindOf(hopping)).toBe('3m long, one every 1m, by shop and item');
    expect(kindOf({ ...tumbling, of: 'rows' })).toBe('1m long, one after the other, of rows, by key');
    expect(kindOf({ over: { session: '30m' }, by: {}, aggregate: {} })).toMatch(/gap of 30m, all events together/);
  });
});

describe('a group', () => {
  it('is asked for by its value, or by all of them', () => {
    expect(groupParameter(['ann'])).toBe('ann');
    expect(groupParameter(['["ann"]'])).toBe('["[\\"ann\\"]"]');
    expect(groupParameter([7])).toBe('[7]');
    expect(groupParameter(['de', null])).toBe('["de",null]');
    expect(groupParameter([])).toBe('[]');
  });
});

describe('an aggregate', () => {
  it.each([
    [3, '3'],
    [null, '–'],
    [{ value: 12.5, by: 'ada' }, '12.5, by: ada'],
    [{ '0.5': 1.23456789, '0.99': null }, '0.5: 1.235, 0.99: –'],
    [{ '0.5': '30.87862934556476', first: '12345678901234567890' }, '0.5: 30.88, first: 12345678901234567890'],
    [
      [
        { item: 'tea', count: 3 },
        { item: 'cake', count: 1 },
      ],
      'tea 3, cake 1',
    ],
  ])('%j is told as %s', (value, text) => {
    expect(told(value)).toBe(text);
  });
});
