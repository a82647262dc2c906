// Events that are published, results that are read, and the streams that hold events.
export interface NewEvent {
  subject: string;
  /** JSON, as it is to be stored; numbers of any length are better off as a text. */
  payload?: unknown;
  text?: string;
  base64?: string;
  headers?: Record<string, string>;
  id?: string;
}

export interface Published {
  published: number;
  events: { stream: string; sequence: number; duplicate?: boolean }[];
}

export interface Output {
  sequence: number;
  subject: string;
  stored_ms: number;
  headers?: { name: string; value: string }[];
  encoding: 'json' | 'text' | 'base64';
  value: unknown;
}

export interface OutputPage {
  stream: string;
  subjects: string[];
  outputs: Output[];
  pending: number;
}

export interface Stream {
  name: string;
  /** What the broker calls it. */
  stream: string;
  subjects: string[];
  /** What it takes in of other streams, by the broker's names. */
  sources?: { stream: string; subject: string }[];
  max_age_ms: number;
  max_bytes: number;
  when_full: string;
  events: number;
  bytes: number;
  first_sequence: number;
  last_sequence: number;
}
