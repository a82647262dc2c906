// Pretty JSON says the same as before.
import { describe, expect, it } from 'vitest';
import { parseKeepingDigits, pretty } from './json';

describe('pretty', () => {
  it('writes one member a line', () => {
    expect(pretty('{"a":1,"b":[],"c":[true,{"d":"x,:{}"}]}')).toBe(
      '{\n  "a": 1,\n  "b": [],\n  "c": [\n    true,\n    {\n      "d": "x,:{}"\n    }\n  ]\n}',
    );
  });

  it('keeps every digit and every member', () => {
    const text = '{"id":12345678901234567890,"a":1.0,"a":2e400}';
    expect(pretty(text).replace(/\s/g, '')).toBe(text);
  });

  it('leaves what is no JSON as it is', () => {
    expect(pretty('<b>')).toBe('<b>');
    expect(pretty('{"a":')).toBe('{"a":');
  });
});

describe('numbers', () => {
  it('keep the digits that JavaScript cannot hold', () => {
    const text = '{"sum":1234567890123456.78,"n":-2.5e3,"text":"12345678901234567890 \\" 1","list":[0,9]}';
    expect(parseKeepingDigits(text)).toEqual({
      sum: '1234567890123456.78',
      n: -2500,
      text: '12345678901234567890 " 1',
      list: [0, 9],
    });
  });
});
