// What operators see of the engines and of the broker.
export interface EngineShare {
  engine: string;
  /** Whether it is the one that answers. */
  answers: boolean;
  pipelines: number;
  partitions: number;
  /** What it cannot read of the registry. */
  cannot_read?: string[];
}

export interface Follower {
  node: string;
  current: boolean;
  offline: boolean;
  /** Operations that it is behind. */
  lag: number;
}

export interface BrokerStream {
  stream: string;
  /** The pipeline whose own it is, as `tenant/pipeline`. */
  pipeline?: string;
  replicas: number;
  leader?: string;
  followers?: Follower[];
  bytes: number;
  first_sequence: number;
  last_sequence: number;
}

export interface BrokerStreamPage {
  streams: BrokerStream[];
  total: number;
  next?: number;
  /** None where the broker is one server. */
  wanted_replicas?: number;
  accounts: string[];
}
