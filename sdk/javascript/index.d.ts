/**
 * Write a Tailrace plugin in JavaScript or TypeScript: one class, one method, testable without WebAssembly.
 *
 * ```js
 * import { emit, state } from "tailrace";
 *
 * export default class Clicks {
 *   process(event) {
 *     const count = state.updateJson(event.key, (count) => count + 1, 0);
 *     return emit({ user: event.key, count });
 *   }
 * }
 * ```
 *
 * A plugin is a function of the event, its state and its config. It has no clock, no randomness of the system, no files
 * and no network: `Date.now()` is the event's time, and `Math.random()` is seeded by the event. Fields of the class are
 * a cache and may vanish between two events; what must last is state.
 *
 * An argument of a wrong type throws `TypeError`, a number out of range `RangeError`; both name the argument.
 */

/** Names and values beside a payload. */
export type Headers = readonly (readonly [name: string, value: string])[];

/**
 * Bytes (an `ArrayBuffer`, or a typed array) and text go as they are, any other value as JSON. What JSON would drop or
 * change in silence throws a `TypeError`: a `Map`, a `Set`, a function, `undefined`, and bytes within an object.
 */
export type Payload = ArrayBuffer | ArrayBufferView | string | number | boolean | null | object;

/** What a test says of an event. */
export interface EventParts {
  subject: string;
  payload?: Payload;
  key?: string;
  headers?: Headers | Record<string, string>;
  time?: number;
  sequence?: number;
}

/** One event, as a step of a pipeline receives it. */
export class Event {
  constructor(parts: EventParts);
  /** Subject of the event, or the one that the previous step gave it. */
  readonly subject: string;
  /** Payload of the message. */
  readonly payload: Uint8Array;
  /** Key that the pipeline extracts. Events of one key are processed in order. */
  readonly key: string;
  /** Headers of the message, without those of the broker. */
  readonly headers: Headers;
  /** Event time in milliseconds since the Unix epoch. */
  readonly time: number;
  /** Position in the input stream, counted from 1. */
  readonly sequence: number;
  /** The payload as JSON. One that does not read rejects the event with the code `malformed-json`. */
  json(): any;
  /** The payload as text. Other bytes reject the event with the code `not-utf8`. */
  text(): string;
  /** The first header of this name. Names are case-sensitive, as in NATS. */
  header(name: string): string | undefined;
}

/** A message that a step emits. */
export interface Message {
  readonly payload: Uint8Array;
  readonly subject?: string;
  readonly key?: string;
  readonly headers: Headers;
  /** The payload as JSON, for tests. */
  json(): any;
  /** The payload as text, for tests. */
  text(): string;
}

/** A timer that is due. */
export interface Timer {
  /** The name that the plugin gave it. */
  readonly name: string;
  /** Key of the event that set it. */
  readonly key: string;
  /** When it was due, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** The payload that the plugin gave it. */
  readonly payload: Uint8Array;
  /** Sequence of the event that set it. */
  readonly setBy: number;
  /** The payload as JSON. One that does not read rejects the timer with the code `malformed-json`. */
  json(): any;
  /** The payload as text. Other bytes reject the timer with the code `not-utf8`. */
  text(): string;
}

/** Where a message goes. */
export interface EmitOptions {
  /** Subject; without it the pipeline's output subject. */
  subject?: string;
  /** Key; without it the key of the event that caused the message. */
  key?: string;
  headers?: Headers | Record<string, string>;
}

/** Makes a message. A value that JSON cannot hold rejects the event with the code `unwritable-value`. */
export function emit(payload: Payload, options?: EmitOptions): Message;

/** The event goes on unchanged. */
export const FORWARD: unique symbol;
/** The event ends here on purpose. */
export const DROP: unique symbol;

/** What `process` returns. */
export type Result = Message | Message[] | typeof FORWARD | typeof DROP;

/** What `onTimer` returns. `DROP` is no message. */
export type TimerResult = Message | Message[] | typeof DROP;

/**
 * A plugin. The default export of its module is a class of this shape, whose constructor takes the step's config. An
 * error of the constructor refuses the deployment.
 */
export interface Plugin {
  process(event: Event): Result;
  /** Wakes up by a timer that `timers.set` has set. Without it, each timer is rejected with the code `no-on-timer`. */
  onTimer?(timer: Timer): TimerResult;
}

/** The event itself is at fault: it becomes a dead letter and is not retried. */
export class Reject extends Error {
  /** `code` is short and stable, for counting, such as `missing-field`. `reason` is for people. */
  constructor(code: string, reason: string);
  readonly code: string;
  readonly reason: string;
}

/** The event is retried under the step's `on-error` policy. */
export class Retry extends Error {
  constructor(reason: string);
  readonly reason: string;
}

/** Keyed state of a step: durable, and rolled back where the event fails. It needs the grant `state`. */
export interface State {
  /** The same state, whose writes expire after so much event time. */
  expiring(milliseconds: number): State;
  get(key: string): Uint8Array | undefined;
  /** Sets a key, of at most 1,024 bytes. */
  set(key: string, value: Uint8Array | string): void;
  delete(key: string): void;
  /** Keys that begin with a prefix, with their values, in the order of keys, after the key `after`. */
  scan(options?: { prefix?: string; after?: string; limit?: number }): [key: string, value: Uint8Array][];
  /** The value of a key that holds JSON. Another value rejects the event with `unreadable-state`. */
  getJson<T = any>(key: string): T | undefined;
  getJson<T>(key: string, initial: T): T;
  setJson(key: string, value: unknown): void;
  /** Sets a key to `change` of its value, and returns the new value. */
  updateJson<T>(key: string, change: (value: T) => T, initial: T): T;
}

/** A result of a search. A higher score is nearer. */
export interface Neighbour {
  id: string;
  score: number;
}

/** A collection of embeddings that the pipeline declares. It needs the grant `vectors`. */
export interface Vectors {
  get(id: string): Float32Array | undefined;
  /** Sets the vector of an id. Numbers are kept in single precision. */
  set(id: string, vector: ArrayLike<number>): void;
  delete(id: string): void;
  /** The `k` nearest vectors, nearest first. */
  nearest(query: ArrayLike<number>, k: number): Neighbour[];
}

/** An item of a sketch of the most frequent items. It occurred at most so many times. */
export interface Frequency {
  item: string;
  times: number;
}

/**
 * The sketches that the pipeline declares. They need the grant `sketches`. Reads answer as of the last commit before
 * this event's batch. A sketch with windows or groups cannot be read.
 */
export interface Sketches {
  /** Adds a value to a sketch of quantiles. */
  observe(name: string, value: number): void;
  /** Adds an item to a sketch of distinct items. */
  distinct(name: string, item: string): void;
  /** Adds occurrences of an item to a sketch of the most frequent items. */
  count(name: string, item: string, times?: number): void;
  /** The quantile `q`, from 0 to 1, of a sketch of quantiles. An empty sketch has none. */
  quantile(name: string, q: number): number | undefined;
  /** How many different items a sketch of distinct items has seen. With an item, how often it was counted. */
  estimate(name: string, item?: string): number;
  /** At most `limit` of the most frequent items, the most frequent first. */
  top(name: string, limit: number): Frequency[];
  /** How many values, items or occurrences a sketch has taken in. */
  total(name: string): number;
}

/**
 * Wake-ups in event time: durable, and part of what the event does. They need the grant `timers`. A timer belongs to
 * this step and to the event's key. Each key has one timer of a name.
 */
export interface Timers {
  /**
   * Has `onTimer` called at a time, in milliseconds since the Unix epoch. Setting it again moves it. The payload comes
   * back there, and has at most 64 KiB.
   */
  set(name: string, at: number, payload?: Payload): void;
  cancel(name: string): void;
  /** When a timer is due. */
  get(name: string): number | undefined;
  /** The watermark in milliseconds since the Unix epoch. In `onTimer` it is the time of the timer. */
  watermark(): number;
}

/** A table of the pipeline, read only. It needs the grant `tables`. A row is the newest value of its key. */
export interface Table {
  get(key: string): Uint8Array | undefined;
  /** The row of a key, read as JSON. A row that does not read rejects the event with `invalid-row`. */
  getJson<T = any>(key: string): T | undefined;
  getJson<T>(key: string, initial: T): T;
}

/** Log lines for the author of the plugin: the text of any value. They need the grant `log`. `console` writes them, too. */
export interface Log {
  debug(message: unknown): void;
  info(message: unknown): void;
  warn(message: unknown): void;
  error(message: unknown): void;
}

export const state: State;
export const sketches: Sketches;
export const timers: Timers;
export const log: Log;
export function vectors(collection: string): Vectors;
export function table(name: string): Table;
