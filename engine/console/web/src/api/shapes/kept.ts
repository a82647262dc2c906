// What a pipeline keeps: timers that have not fired, events that wait in a join, rows of tables.
export interface PendingTimer {
  at_ms: number;
  step: string;
  key: string;
  name: string;
  /** The sequence of the event that set it. */
  set_by: number;
  partition: number;
  encoding: 'json' | 'text' | 'base64';
  value: unknown;
}

export interface TimerPage {
  timers: PendingTimer[];
  /** Where to go on, if there may be more. */
  next?: string;
}

export interface KeptEvent {
  /** The value that its partners have too. */
  key: unknown;
  side: 'left' | 'right';
  input: string;
  time_ms: number;
  /** When the watermark is behind this, no partner can come any more. */
  until_ms: number;
  paired: boolean;
  sequence: number;
  partition: number;
  payload: unknown;
}

export interface JoinPage {
  kept: KeptEvent[];
  next?: string;
}

export interface TableRow {
  key: string;
  /** The one that it was looked up in. */
  partition: number;
  encoding: 'json' | 'text' | 'base64';
  value: unknown;
}

export interface TablePage {
  rows: TableRow[];
  /** Where to go on, if there may be more. */
  next?: string;
}

export interface DeclaredJoin {
  left: string;
  right: string;
  within: { before?: string; after?: string };
  kind?: 'inner' | 'left' | 'full';
  grace?: string;
}
