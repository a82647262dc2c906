// What is watched.
export interface Payload {
  text?: string;
  hex?: string;
  base64?: string;
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
