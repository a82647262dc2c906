// Pipelines and their revisions.
import type { DeclaredJoin } from './kept';
import type { DeclaredWindow } from './window';

export type StateName =
  | 'creating'
  | 'starting'
  | 'running'
  | 'degraded'
  | 'waiting'
  | 'standing-by'
  | 'paused'
  | 'parked'
  | 'unreadable'
  | 'deleting'
  | 'stopped';

export interface ListedPipeline {
  name: string;
  revision: number;
  partitions: number;
  state: StateName;
  reason?: string;
}

export interface Revision {
  number: number;
  /** The manifest, with every default filled in. */
  spec: Manifest;
  plugins: Record<string, string>;
  applied_ms: number;
}

export interface Manifest {
  name: string;
  partitions: number;
  input: { subjects: string[]; stream?: string };
  output?: { subject: string };
  steps: { name: string; plugin: string; grants?: string[] }[];
  vectors?: Record<string, { dimensions?: number; metric?: string }>;
  windows?: Record<string, DeclaredWindow>;
  joins?: Record<string, DeclaredJoin>;
  tables?: Record<string, unknown>;
  sketches?: Record<string, DeclaredSketch>;
  [field: string]: unknown;
}

export interface DeclaredSketch {
  kind?: string;
  window?: string;
  keep?: string;
  by?: unknown;
}

export interface Pipeline {
  active: Revision;
  created_ms: number;
}

export interface Applied {
  revision: number;
  changed: boolean;
  candidate?: Candidate;
  /** What is lost, or is likely not meant. */
  warnings?: string[];
  /** Of a check only: what would change. */
  changes?: { field: string; before: unknown; after: unknown }[];
}

export interface Candidate {
  revision: number;
  mode: 'shadow' | 'canary';
  began_ms: number;
  share_ppm?: number;
}

/** One side of a comparison. */
export interface Side {
  events: number;
  errors: number;
  codes: Record<string, number>;
  fuel: number;
  latency: { count: number; p50_us: number | null; p99_us: number | null };
}

/** An event that the two made different things of. */
export interface Example {
  kind: string;
  partition: number;
  sequence: number;
  key: string;
  active: unknown;
  candidate: unknown;
}

export interface CandidateReport {
  active_revision: number;
  candidate?: Candidate;
  last_candidate?: { revision: number; reason: string; ended_ms: number };
  found?: {
    since_ms: number;
    compared: number;
    differences: Record<string, number>;
    examples: Example[];
    active: Side;
    candidate: Side;
    ended?: string;
  };
}
