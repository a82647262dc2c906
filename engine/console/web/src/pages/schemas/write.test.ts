// Schemas as one writes them.
import { describe, expect, it } from 'vitest';
import { fileOf, formatOf, linesOf, referencesOf, textOf } from './write';

describe('a file', () => {
  it('says by its name what it is written in', () => {
    expect(['a.json', 'a.avsc', 'a.proto', 'a.desc', 'a.txt'].map(formatOf)).toEqual([
      'json-schema',
      'avro',
      'protobuf',
      'protobuf',
      undefined,
    ]);
  });

  it('is called as its version is', () => {
    expect(fileOf({ schema: 'order', version: 2, format: 'avro' })).toBe('order-2.avsc');
  });

  it('is its text, or base64 where it is none', () => {
    expect(textOf(new TextEncoder().encode('message é'))).toBe('message é');
    expect(textOf(new Uint8Array([0xff, 0xfe, 0xfd]))).toBe('//79');
  });
});

describe('references', () => {
  it('are written one a line', () => {
    const lines = 'a=b.json=address:2\nx.proto=x:10';
    expect(referencesOf(`\n ${lines} \n`)).toEqual([
      { name: 'a=b.json', schema: 'address', version: 2 },
      { name: 'x.proto', schema: 'x', version: 10 },
    ]);
    expect(linesOf(referencesOf(lines))).toBe(lines);
  });

  it.each(['address:2', 'a=address', 'a=address:x'])('%s is none', (line) => {
    expect(() => referencesOf(line)).toThrow(/address\.json=address:1/);
  });
});
