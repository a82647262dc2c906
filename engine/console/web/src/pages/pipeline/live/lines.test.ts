// Lines of a log.
import { describe, expect, it } from 'vitest';
import { wanted } from './lines';

const line = { step: 'check', level: 'warn', text: 'Too Slow' };
const all = { step: '', level: '', text: '' };

describe('a line', () => {
  it('is wanted by its step, its level and its text', () => {
    expect(wanted(line, all)).toBe(true);
    expect(wanted(line, { ...all, step: 'rank' })).toBe(false);
    expect(wanted(line, { ...all, level: 'warn' })).toBe(true);
    expect(wanted(line, { ...all, level: 'error' })).toBe(false);
    expect(wanted(line, { ...all, text: ' slow ' })).toBe(true);
    expect(wanted(line, { ...all, text: 'fast' })).toBe(false);
  });

  it('of a level that is not known is shown', () => {
    expect(wanted({ ...line, level: 'fatal' }, { ...all, level: 'error' })).toBe(true);
  });
});
