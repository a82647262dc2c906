// What is watched.
/** The beginning of a payload; what is no UTF-8 is replaced. */
export interface Payload {
  text: string;
  bytes: number;
  cut: boolean;
}

/** How much of the pipeline the engine that answers runs. A stream of results comes from the broker, so it has none. */
export interface Shown {
  engine?: string;
  partitions?: number[];
  of?: number;
}

/** A line that a plugin wrote. */
export interface LogLine {
  time_ms: number;
  level: string;
  step: string;
  partition: number;
  sequence: number;
  text: string;
  /** Lines before this one that were left out. */
  left_out?: number;
}

export interface Sample {
  time_ms: number;
  step: string;
  partition: number;
  sequence: number;
  attempt: number;
  subject: string;
  key: string;
  before: Payload;
  verdict: string;
  after: Payload[];
  messages: number;
  fuel: number;
  took_us: number;
  code?: string;
  reason?: string;
}
