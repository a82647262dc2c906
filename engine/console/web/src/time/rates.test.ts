// Rates are differences of counters.
import { describe, expect, it } from 'vitest';
import { MOST_LOOKS, Rates } from './rates';

describe('rates', () => {
  it('has none before the second look', () => {
    const rates = new Rates();
    expect(rates.now('events')).toBeUndefined();
    rates.add(1000, { events: 5 });
    expect(rates.now('events')).toBeUndefined();
  });

  it('divides a difference by its time', () => {
    const rates = new Rates();
    rates.add(1000, { events: 0 });
    rates.add(3000, { events: 10 });
    expect(rates.now('events')).toBe(5);
    expect(rates.history(['events'])).toEqual({ seconds: [3], rates: [[5]] });
  });

  it('begins again with an engine that began again', () => {
    const rates = new Rates();
    rates.add(1000, { events: 100 });
    rates.add(2000, { events: 3 });
    expect(rates.now('events')).toBeUndefined();
    rates.add(3000, { events: 4 });
    expect(rates.now('events')).toBe(1);
  });

  it('holds a bounded history', () => {
    const rates = new Rates();
    for (let look = 0; look < MOST_LOOKS * 3; look += 1) rates.add(look * 1000, { events: look });
    expect(rates.history(['events']).seconds.length).toBe(MOST_LOOKS - 1);
  });
});
