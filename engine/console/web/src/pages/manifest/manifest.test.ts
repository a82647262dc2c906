// What the editor knows of a manifest, with the schema that the engine serves.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { check, placeOf } from './check';
import { pathAt } from './path';
import { formsAt, valuesOf, type Schema } from './schema';

const file = new URL('../../../../../../examples/pipeline.schema.json', import.meta.url);
const schema = JSON.parse(readFileSync(file, 'utf8')) as Schema;
const example = new URL('../../../../../../examples/recommendations/pipeline.yaml', import.meta.url);
const good = readFileSync(example, 'utf8');

const messages = (text: string) => check(text, schema).map(({ message }) => message);

describe('check', () => {
  it('finds nothing in a good manifest', () => {
    expect(messages(good)).toEqual([]);
  });

  it('finds an unknown field at its place', () => {
    const text = good.replace('partitions:', 'partition:');
    const [mistake] = check(text, schema);
    expect(text.slice(mistake?.from, mistake?.to)).toBe('partition');
    expect(mistake?.message).toContain('there is no field partition here');
  });

  it('finds a missing field, a wrong choice and broken YAML', () => {
    expect(messages(good.replace(/plugin: validator.*/, ''))).toContain('the field plugin is missing');
    expect(messages(`${good}\ndelivery: twice\n`).join()).toContain('exactly-once');
    expect(messages('name: [x')).toHaveLength(1);
    expect(messages('')).toHaveLength(1);
  });

  it('finds an unknown way to take a key', () => {
    expect(messages(good.replace('key: { json: /user }', 'key: { jso: /user }')).length).toBeGreaterThan(0);
  });
});

describe('placeOf', () => {
  it('finds the field of a problem', () => {
    const { from, to } = placeOf(good, 'steps[0].plugin');
    expect(good.slice(from, to)).toBe('validator@1.0.0');
  });

  it('takes the nearest parent of a missing field', () => {
    const { from } = placeOf(good, 'steps[0].nothing');
    expect(good.slice(from, from + 4)).toBe('name');
  });
});

describe('pathAt', () => {
  it.each([
    ['na', []],
    ['input:\n  str', ['input']],
    ['steps:\n  - na', ['steps', '[]']],
    ['steps:\n  - name: a\n    pl', ['steps', '[]']],
    ['steps:\n- name: a\n  limits:\n    fu', ['steps', '[]', 'limits']],
    ['input:\n  key: x\noutput:\n  su', ['output']],
    ['steps:\n  - name: a\n    on-error:\n      retries: 3\n    gr', ['steps', '[]']],
  ])('%j', (text, path) => {
    expect(pathAt(text.split('\n'))).toEqual(path);
  });

  it('leads to what the schema knows', () => {
    const forms = formsAt(['steps', '[]', 'on-error', 'then'], schema);
    expect(forms.flatMap(valuesOf)).toContain('dead-letter');
  });
});
