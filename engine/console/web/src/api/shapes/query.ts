// What a pipeline has computed.
/** What a collection holds under an id. */
export interface VectorEntry {
  id: string;
  vector: number[];
  /** Each partition learns its own. */
  partition: number;
}

export interface VectorPage {
  vectors: VectorEntry[];
  /** The id to go on behind, if there may be more. */
  next?: string;
}

export interface StateEntry {
  key: string;
  partition: number;
  expires_ms?: number;
  encoding: 'json' | 'text' | 'base64';
  value: unknown;
}

/** A sketch that was asked for by its name: of all time or of windows, with its groups where they were asked for. */
export interface SketchView extends Sketch {
  covers?: { from: string; to: string; window: string };
  groups?: (Sketch & { group: unknown })[];
}

/** How far the values of a stretch of event time are from those of the stretch before it. */
export interface Drift {
  /** None where one of the two has no values. */
  drift: number | null;
  last: Stretch;
  base: Stretch;
}

export interface Stretch {
  from?: string;
  to?: string;
  count: number;
}

export interface Sketch {
  kind: string;
  count: number;
  accuracy: string;
  bound: { type: string; error?: number };
  answer: {
    distinct?: number;
    /** Pairs of a share and its value; none of nothing. */
    quantiles?: [number, number | null][];
    min?: number | null;
    max?: number | null;
    sum?: number;
    /** Of `top` pairs of an item and its count, of `sample` values. */
    items?: [string, number][] | string[];
    [field: string]: unknown;
  };
}
