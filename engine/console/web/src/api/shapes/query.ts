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
    quantiles?: [number, number][];
    min?: number;
    max?: number;
    sum?: number;
    items?: [string, number][];
    [field: string]: unknown;
  };
}
