// Schemas of payloads, by name and version.
export type Format = 'json-schema' | 'avro' | 'protobuf';

export interface ListedVersion {
  version: number;
  /** Of its content. */
  id: number;
  format: Format;
  created_ms: number;
}

export interface Schema {
  name: string;
  compatibility: string;
  /** The oldest first. */
  versions: ListedVersion[];
  created_ms: number;
}

/** What the text calls another schema, and the version that is meant. */
export interface Reference {
  name: string;
  schema: string;
  version: number;
}

export interface SchemaVersion extends ListedVersion {
  schema: string;
  text: string;
  references?: Reference[];
  assert_formats?: boolean;
}

/** Whether a version may follow those that there are. */
export interface Verdict {
  compatible: boolean;
  compatibility: string;
  conflicts: {
    version: number;
    /** `backward` where the new version cannot read the other one. */
    direction: 'backward' | 'forward';
    differences: { rule: string; place: string; what: string }[];
  }[];
}

/** What uses the versions of a schema. */
export interface SchemaUses {
  pipelines: { version: number; pipeline: string; revision: number; candidate: boolean; place: string }[];
  schemas: { version: number; schema: string; schema_version: number }[];
}
