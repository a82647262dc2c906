// The first pipeline.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { commandOf, configOf, exampleOf, manifestOf, subjectsOf } from './first';

describe('subjects', () => {
  it('are within the grants', () => {
    expect(subjectsOf({ read: ['shop.>'], write: ['shop.out.>'] })).toEqual({
      reads: 'shop.events.>',
      writes: 'shop.out.results.{key}',
    });
    expect(subjectsOf({ read: ['shop.events'], write: [] })).toEqual({ reads: 'shop.events', writes: '' });
  });

  it('have an example to publish to', () => {
    expect(exampleOf('shop.*.>')).toBe('shop.example.example');
  });
});

describe('the manifest', () => {
  it('says what was entered, whatever that is', () => {
    const first = { name: 'a"b: c', reads: 'x\ny', writes: 'w', plugin: 'validator@1.0.0', config: '' };
    const manifest = parse(manifestOf(first)) as { name: string; input: { subjects: string[] } };
    expect(manifest.name).toBe('a"b: c');
    expect(manifest.input.subjects).toEqual(['x\ny']);
  });

  it('has no steps where there is no plugin', () => {
    const first = { name: 'a', reads: 'r', writes: 'w', plugin: '', config: '{}' };
    expect(Object.keys(parse(manifestOf(first)) as object)).toEqual(['name', 'input', 'output']);
  });

  it('has the config of a plugin that is known', () => {
    const first = { name: 'a', reads: 'r', writes: 'w', plugin: 'validator@1.0.0' };
    const manifest = parse(manifestOf({ ...first, config: configOf(first.plugin) })) as {
      steps: { config: { schema: { unknown: string } } }[];
    };
    expect(manifest.steps[0]?.config.schema.unknown).toBe('keep');
  });
});

describe('the command', () => {
  it('holds an event as one word of a shell', () => {
    expect(commandOf('a.b', `it's`)).toBe(String.raw`nats pub 'a.b' 'it'\''s'`);
  });
});
