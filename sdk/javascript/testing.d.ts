import type { DROP, Event, EventParts, FORWARD, Message, Plugin } from "./index.js";

/** What the pipeline around a plugin would declare. */
export interface TestHostOptions {
  /** Config of the step. */
  config?: unknown;
  /** Collections of vectors, by their dimensions. */
  collections?: Record<string, number>;
  metric?: "cosine" | "dot" | "euclidean";
}

/** An engine for one plugin: state, vectors, sketches and log in memory. A failed event leaves nothing behind. */
export class TestHost {
  constructor(plugin: (new (config: any) => Plugin) | Plugin["process"], options?: TestHostOptions);
  /** State of the step. */
  readonly state: Map<string, Uint8Array>;
  /** Vectors of each collection. */
  readonly vectors: Record<string, Map<string, Float32Array>>;
  /** What was added to each sketch, in order. */
  readonly sketches: Record<string, unknown[]>;
  /** Lines of the log, each with its level. */
  readonly logs: [level: string, message: string][];
  /** Has an event processed: its messages, or FORWARD or DROP. Reject and Retry are thrown. */
  send(event: Event | EventParts): Message[] | typeof FORWARD | typeof DROP;
}
