// An event that could not be processed, with the reason.
export interface DeadLetter {
  id: number;
  stored_ms: number;
  step: string;
  code: string;
  reason: string;
  plugin: string;
  revision: number;
  fuel: number;
  attempts: number;
  sequence: number;
  time_ms: number;
  subject: string;
  key: string;
  headers: [string, string][];
  payload_text?: string;
  payload_base64?: string;
  backtrace?: string;
}
