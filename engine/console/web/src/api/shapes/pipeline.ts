// Pipelines and their revisions.
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
  steps: { name: string; plugin: string; grants?: string[] }[];
  vectors?: Record<string, unknown>;
  sketches?: Record<string, unknown>;
  [field: string]: unknown;
}

export interface Pipeline {
  active: Revision;
  created_ms: number;
}

export interface Applied {
  revision: number;
  changed: boolean;
  candidate?: Candidate;
}

export interface Candidate {
  number?: number;
  revision?: number;
  mode?: unknown;
  [field: string]: unknown;
}

export interface CandidateReport {
  active_revision: number;
  candidate?: Candidate;
  last_candidate?: Record<string, unknown>;
  found?: Record<string, unknown>;
}
