// Windows: as a manifest declares them, and what is open of them.
export interface DeclaredWindow {
  /** Exactly one of the first three. */
  over: { tumbling?: string; hopping?: string; session?: string; every?: string; 'at-most'?: string };
  /** The input or the join whose events it takes; all events without it. */
  of?: string;
  /** Places of the values that divide events into groups; without it the key does. */
  by?: Record<string, unknown>;
  aggregate: Record<string, unknown>;
  grace?: string;
  late?: 'drop' | 'dead-letter' | 'correct';
}

export interface OpenWindow {
  partition: number;
  events: number;
  /** Its result so far: the times, the group, and each aggregate. */
  result: Record<string, unknown>;
}

export interface WindowPage {
  windows: OpenWindow[];
  /** Where to go on, if there may be more. */
  next?: string;
}
