// Test cases.
import { describe, expect, it } from 'vitest';
import { testCaseOf } from './testcase';

const of = (text: string, cut = false) => testCaseOf({ subject: 'a.b', before: { text, bytes: text.length, cut } });

describe('a test case', () => {
  it('is one line, digit for digit', () => {
    const line = of('{\n  "id": 12345678901234567890,\r\n  "note": "a\\nb"\n}');
    expect(line).not.toContain('\n');
    expect(line).toContain('12345678901234567890');
    expect(JSON.parse(line ?? '')).toMatchObject({ subject: 'a.b', payload: { note: 'a\nb' } });
  });

  it('holds what is no JSON as a text', () => {
    expect(of('two\n"lines"')).toBe(String.raw`{"subject":"a.b","text":"two\n\"lines\""}`);
  });

  it('is none of an event that is not there as a whole', () => {
    expect(of('{"a":', true)).toBeUndefined();
    expect(of('\ufffd')).toBeUndefined();
  });
});
