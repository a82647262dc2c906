// Which token may do what, by the API's own rule, so that nobody fills in a form that will be refused. The engine
// has the last word. A test holds this against the table of routes in docs/reference/http-api.md.
import type { Verb } from '../api/client';

export const ROLES = ['read', 'deploy', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What a token is, as the engine says. */
export interface Rights {
  /** None for an operator's. */
  tenant: string | undefined;
  role: Role;
}

export interface Need {
  role: Role;
  /** Whether no token of a tenant will do. */
  operator: boolean;
}

const OF_TENANT = '/v1/tenants/{tenant}';

/** What a route needs. */
export function needOf(verb: Verb, route: string): Need {
  const reads = verb === 'get';
  const ofTenant = route.startsWith(`${OF_TENANT}/`) || (route === OF_TENANT && reads);
  // Whoever makes tokens has every right that they may have.
  const isAdmins = /\/tokens(\/|$)/.test(route);
  if (!ofTenant) return { role: reads && !isAdmins ? 'read' : 'admin', operator: true };
  return { role: isAdmins ? 'admin' : reads ? 'read' : 'deploy', operator: false };
}

/** Why a token may not do this; nothing where it may. */
export function refusalOf({ tenant, role }: Rights, verb: Verb, route: string): string | undefined {
  const need = needOf(verb, route);
  const isEnough = ROLES.indexOf(role) >= ROLES.indexOf(need.role);
  if (need.operator && tenant !== undefined) {
    return `This needs an operator's token of scope ${need.role}; this token is of tenant ${tenant}.`;
  }
  if (isEnough) return undefined;
  return `This needs ${need.operator ? "an operator's" : 'a'} token of scope ${need.role}; this token has ${role}.`;
}
