// An event that could not be processed, with the reason.
export interface DeadLetter {
  id: number;
  stored_ms: number;
  step: string;
  code: string;
  reason: string;
  plugin?: string;
  revision: number;
  fuel: number;
  attempts: number;
  sequence: number;
  time_ms: number;
  subject: string;
  key: string;
  /** The timer that failed, where the letter is no event; its payload is the timer's. */
  timer?: string;
  /** Which of several inputs the event is of. */
  input?: string;
  headers: { name: string; value: string }[];
  payload_text?: string;
  /** In hexadecimal, where it is no text. */
  payload_hex?: string;
  /** The guest's frames at a trap, innermost first. */
  backtrace?: string[];
  /** Bytes of the payload before it was cut. */
  cut_from?: number;
}
