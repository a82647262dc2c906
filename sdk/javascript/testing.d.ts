import type { DROP, Event, EventParts, FORWARD, Message, Payload, Plugin, Reject, Retry, Timer } from "./index.js";

/** What the pipeline around a plugin would declare. */
export interface TestHostOptions {
  /** Config of the step. */
  config?: unknown;
  /** Collections of vectors, by their dimensions. */
  collections?: Record<string, number>;
  metric?: "cosine" | "dot" | "euclidean";
  /** Rows by table and key. A row is given as to `emit`. */
  tables?: Record<string, Record<string, Payload>>;
}

/** A timer that has fired, and what came of it. */
export interface Fired {
  timer: Timer;
  /** What `onTimer` returned; nothing where it failed. */
  messages: Message[];
  /** What it threw. */
  failure?: Reject | Retry;
}

/**
 * An engine for one plugin: state, vectors, sketches, timers, tables and log in memory. A failed event leaves nothing
 * behind. Sketches are exact here.
 */
export class TestHost {
  constructor(plugin: (new (config: any) => Plugin) | Plugin["process"], options?: TestHostOptions);
  /** State of the step. */
  readonly state: Map<string, Uint8Array>;
  /** Vectors of each collection. */
  readonly vectors: Record<string, Map<string, Float32Array>>;
  /** What was added to each sketch, in order. */
  readonly sketches: Record<string, unknown[]>;
  /** Rows of each table. A test may change them between two events. */
  readonly tables: Record<string, Map<string, Payload>>;
  /** Timers that have fired so far, oldest first. */
  readonly fired: Fired[];
  /** Lines of the log, each with its level. */
  readonly logs: [level: string, message: string][];
  /**
   * Has an event processed: its messages, or FORWARD or DROP. Reject and Retry are thrown. Timers that are due by the
   * event's time fire before it; `fired` has them.
   */
  send(event: Event | EventParts): Message[] | typeof FORWARD | typeof DROP;
  /**
   * Moves the watermark to a time. Gives the timers that fire, each as if at its own time, in their order. The time does
   * not go back.
   */
  advanceTo(time: number): Fired[];
  /** When the timer of a key is due. */
  timer(key: string, name: string): number | undefined;
}
