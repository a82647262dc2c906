// What a pipeline has computed.
export interface StateEntry {
  key: string;
  partition: number;
  expires_ms?: number;
  encoding: 'json' | 'text' | 'base64';
  value: unknown;
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
