// Numbers, times and hostile texts.
import { describe, expect, it } from 'vitest';
import {
  ago,
  bytes,
  counted,
  exact,
  measured,
  micros,
  perSecond,
  short,
  span,
  stretch,
  visible,
  whole,
} from './text';

describe('text', () => {
  it('writes numbers in a fixed form', () => {
    expect(whole(1234567)).toBe('1,234,567');
    expect(counted(1, 'pair')).toBe('1 pair');
    expect(counted(1200, 'match', 'matches')).toBe('1,200 matches');
    expect(short(1234)).toBe('1.2K');
    expect(measured(0.01)).toBe('0.01');
    expect(measured(172.4567)).toBe('172.5');
    expect(measured(1_234_567)).toBe('1.2M');
    expect(measured(null)).toBe('–');
    expect(whole(undefined)).toBe('–');
    expect(perSecond(0)).toBe('0/s');
    expect(perSecond(1.234)).toBe('1.2/s');
    expect(bytes(1023)).toBe('1023 B');
    expect(bytes(16 * 1024 * 1024)).toBe('16.0 MiB');
    expect(micros(75382)).toBe('75 ms');
    expect(micros(null)).toBe('–');
  });

  it('writes times relative to now', () => {
    expect(ago(1000, 2000)).toBe('now');
    expect(ago(0, 90_000)).toBe('1 min ago');
    expect(ago(90_000, 0)).toBe('in 1 min');
  });

  it('writes a time that no calendar has', () => {
    expect(exact(1e19)).toBe('10000000000000000000 ms');
    expect(exact(0)).toBe('1970-01-01 00:00:00Z');
    expect(ago(1e19, 0)).toMatch(/^in \d+ d$/);
  });

  it('writes a stretch of time', () => {
    expect(stretch(0, 60_000)).toBe('1970-01-01 00:00:00 – 00:01:00Z');
    expect(stretch(0, 86_400_000)).toBe('1970-01-01 00:00:00Z – 1970-01-02 00:00:00Z');
    expect(stretch(1e19, 2e19)).toBe('10000000000000000000 ms – 20000000000000000000 ms');
  });

  it('writes how long something lasts', () => {
    expect(span(7 * 86_400_000)).toBe('7 d');
    expect(span(5_400_000)).toBe('1.5 h');
    expect(span(0)).toBe('for ever');
  });

  it('makes control characters visible', () => {
    expect(visible('\u001b[31mred')).toBe('␛[31mred');
    expect(visible('a\u202eb')).toBe('a\\u202eb');
    expect(visible('two\nlines\tand more')).toBe('two\nlines\tand more');
  });
});
