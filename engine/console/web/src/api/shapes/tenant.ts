// A tenant and what it has.
export interface Tenant {
  name: string;
  /** Only where this engine cannot read the tenant's entry. */
  state?: string;
  reason?: string;
  read: string[];
  write: string[];
  quotas: Record<string, number | Record<string, Rate>>;
  used: Record<string, number>;
  created_ms: number;
}

export interface Rate {
  /** Bytes may have a unit. */
  limit: number | string;
  per: string;
  window?: string;
}

export interface Token {
  id: string;
  scope: 'read' | 'deploy' | 'admin';
  label?: string;
  created_ms: number;
  expires_ms?: number;
}

/** What the token of a request is. */
export interface Whoami {
  /** None for an operator's. */
  tenant?: string | null;
  scope: Token['scope'];
}

/** The only answer that holds the secret. */
export interface NewToken extends Token {
  token: string;
}

export interface AuditRecord {
  sequence: number;
  id: string;
  at_ms: number;
  who: { token?: string; scope: string; label?: string };
  action: string;
  tenant?: string;
  target: string;
  before?: unknown;
  after?: unknown;
  outcome: string;
}

export interface Doctor {
  findings: { kind: string; what: string; detail: string; mend: string; fixable: boolean }[];
}
