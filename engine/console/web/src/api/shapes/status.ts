// What a pipeline is doing. Counters are those of the engine that answers.
import type { StateName } from './pipeline';

export interface Latency {
  count: number;
  p50_us: number | null;
  p99_us: number | null;
}

/** Counts of events by their outcome, and what else was counted. */
export interface Counts {
  events: number;
  forwarded: number;
  emitted: number;
  dropped: number;
  rejected: number;
  dead: number;
  duplicates: number;
  shed: number;
  outputs: number;
  retried: number;
  traps: number;
  fuel: number;
  bytes_in: number;
  bytes_out: number;
  late: number;
  /** Delete markers and schedules that were passed over. */
  markers: number;
  /** Values that a sketch could not measure. */
  skipped: number;
  /** Events whose time is later than the broker can have received them. */
  ahead: number;
  /** Timers of plugins that fired, and those whose step is gone. */
  timers: number;
  timers_lost: number;
  /** Pairs that joins have put together, events without a partner, and events that were kept in vain. */
  joined: number;
  unmatched: number;
  joins_lost: number;
  window_results: number;
  /** Events whose windows were over, once for each kind of window. */
  window_late: number;
  /** Parts of windows that ended without a result. */
  windows_lost: number;
}

export interface Partition {
  partition: number;
  owner?: string;
  commit: number;
  position: number;
  seen: number;
  queued: number;
  trouble?: string;
}

export interface Alarm {
  name: string;
  when: string;
  state: 'quiet' | 'pending' | 'firing' | string;
  /** Since when its rule is broken. */
  since_ms?: number;
  value: number | null;
  threshold: number;
  unsent: number;
}

/** The clock of the input in event time. */
export interface InputClock {
  /** 0 before the first event with a time. */
  watermark_ms: number;
  latest_ms: number;
  /** The furthest behind first. */
  sources?: { source: string; latest_ms: number }[];
  held_by?: string;
}

/** A sketch held against the exact answers. */
export interface Accuracy {
  comparisons: number;
  /** The greatest that was seen, and the one promised then; each a share. */
  observed_error: number;
  promised_error: number;
  breaches: number;
}

export interface Status {
  active_revision: number;
  state: StateName;
  reason?: string;
  revision: number;
  candidate?: unknown;
  input: {
    stream: string;
    read_sequence: number;
    rebuilds: number;
    pending?: number;
    lost: number;
    possibly_lost: number;
    last_loss?: { from: number; to: number };
    clock?: InputClock;
  };
  partitions: Partition[];
  stats: {
    counts: Counts;
    times?: { unreadable: number; ahead_example?: string };
    commits: number;
    commit_failures: number;
    /** How watched sketches keep their promises, by name. */
    accuracy: Record<string, Accuracy>;
    steps: Record<string, Latency & { fuel: number; traps: number }>;
    commit_latency: Latency;
  };
  memory_bytes: Record<string, number>;
  limited?: { since_ms: number; by: string };
  /** What somebody should look at, though it goes on. */
  warnings?: string[];
  output?: { stream: string; subjects: string };
  /** None where its streams lie in the engine's own. */
  nats_account?: { name: string; connected: boolean; trouble?: string };
  balance?: { read: number; broker_input?: number; broker_messages?: number; imbalance?: string };
  imbalances: number;
  stream_last_sequence?: number;
  lag?: number;
  dead_letters?: number;
  alarms?: Alarm[];
}
