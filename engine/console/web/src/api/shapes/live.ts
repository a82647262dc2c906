// What is watched.
/** The beginning of a payload; what is no UTF-8 is replaced. */
export interface Payload {
  text: string;
  bytes: number;
  cut: boolean;
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
