// A schema that is written or chosen as a file, as the API takes it.
import { Problem } from '../../api/problem';
import type { Format, Reference, SchemaVersion } from '../../api/shapes/schema';

export const FORMATS: readonly { format: Format; name: string }[] = [
  { format: 'json-schema', name: 'JSON Schema 2020-12' },
  { format: 'avro', name: 'Avro' },
  { format: 'protobuf', name: 'Protobuf' },
];

export const MODES: readonly { mode: string; says: string }[] = [
  { mode: 'backward', says: 'the new version reads what the last one wrote' },
  { mode: 'forward', says: 'the last version reads what the new one writes' },
  { mode: 'full', says: 'both ways, with the last version' },
  { mode: 'backward-transitive', says: 'the new version reads what every version wrote' },
  { mode: 'forward-transitive', says: 'every version reads what the new one writes' },
  { mode: 'full-transitive', says: 'both ways, with every version' },
  { mode: 'none', says: 'everything is allowed' },
];

/** What the form of a version holds. */
export interface Fields {
  name: string;
  format: Format;
  text: string;
  /** One a line. */
  references: string;
  asserts: boolean;
}

/** What the form begins with: a version that is to be changed, or a new schema. */
export function fieldsOf(version: SchemaVersion | undefined): Fields {
  return {
    name: version?.schema ?? '',
    format: version?.format ?? 'json-schema',
    text: version?.text ?? '',
    references: linesOf(version?.references ?? []),
    asserts: version?.assert_formats ?? false,
  };
}

/** What a version is made of, as the API takes it. */
export interface SchemaRequest {
  format: Format;
  schema: string;
  references: Reference[];
  'assert-formats'?: true;
}

/** What a file is written in, as its name says it. */
export function formatOf(file: string): Format | undefined {
  if (file.endsWith('.json')) return 'json-schema';
  if (file.endsWith('.avsc')) return 'avro';
  return /\.(proto|pb|desc)$/.test(file) ? 'protobuf' : undefined;
}

/** The name of a version's file, as `tailrace schema push` reads it. */
export function fileOf({ schema, version, format }: Pick<SchemaVersion, 'schema' | 'version' | 'format'>): string {
  const ending = { 'json-schema': 'json', avro: 'avsc', protobuf: 'proto' }[format];
  return `${schema}-${version}.${ending}`;
}

/** A file as text; what is no text, such as a descriptor set, in base64. */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  }
}

/** References as they are written, one a line: `address.json=address:1`. */
export function referencesOf(lines: string): Reference[] {
  const written = lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return written.map((line) => {
    const [, name, schema, version] = /^(.+)=([^:=]+):(\d+)$/.exec(line) ?? [];
    if (!name || !schema || !version) {
      const detail = `${JSON.stringify(line)} is no reference; write it as address.json=address:1`;
      throw new Problem({ status: 0, code: 'console', detail });
    }
    return { name, schema, version: Number(version) };
  });
}

/** References as one writes them. */
export function linesOf(references: readonly Reference[]): string {
  return references.map(({ name, schema, version }) => `${name}=${schema}:${version}`).join('\n');
}
