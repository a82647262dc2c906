// Rights, held against the engine's own table of routes.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Verb } from '../api/client';
import { needOf, refusalOf, ROLES, type Role } from './rights';

const file = new URL('../../../../../docs/reference/http-api.md', import.meta.url);

/** Each route with what its paragraph says of access; routes for everybody are left out. */
function table(): [verb: Verb, route: string, access: string][] {
  const parts = readFileSync(file, 'utf8').split(/^### /m);
  return parts.flatMap((part): [Verb, string, string][] => {
    const [, verb, route] = /^(GET|PUT|POST|DELETE) (\/v1\/\S+)\n/.exec(part) ?? [];
    const access = /^- Access: (.*)$/m.exec(part)?.[1] ?? '';
    if (!verb || !route || /^(everybody|any valid)/.test(access)) return [];
    return [[verb.toLowerCase() as Verb, route, access]];
  });
}

describe('what a route needs', () => {
  const routes = table();

  it('is known of the whole table', () => {
    expect(routes.length).toBeGreaterThan(60);
  });

  it.each(routes)('%s %s: %s', (verb, route, access) => {
    const role = ROLES.find((one) => access.includes(`\`${one}\``));
    expect(needOf(verb, route)).toEqual({ role, operator: access.startsWith("an operator's") });
  });
});

describe('a refusal', () => {
  const pause = '/v1/tenants/{tenant}/pipelines/{pipeline}/pause';
  const of = (tenant: string | undefined, role: Role) => ({ tenant, role });

  it('says what is needed and what the token has', () => {
    expect(refusalOf(of('dev', 'read'), 'post', pause)).toBe(
      'This needs a token of scope deploy; this token has read.',
    );
    expect(refusalOf(of(undefined, 'read'), 'post', pause)).toContain('this token has read');
    expect(refusalOf(of(undefined, 'deploy'), 'delete', '/v1/tenants/{tenant}')).toContain(
      "needs an operator's token of scope admin; this token has deploy",
    );
  });

  it("of a tenant's token says that an operator's is needed", () => {
    expect(refusalOf(of('dev', 'admin'), 'get', '/v1/tenants')).toContain('this token is of tenant dev');
  });

  it('is none where the token has the scope or a higher one', () => {
    expect(refusalOf(of('dev', 'deploy'), 'post', pause)).toBeUndefined();
    expect(refusalOf(of('dev', 'admin'), 'post', pause)).toBeUndefined();
    expect(refusalOf(of(undefined, 'admin'), 'delete', '/v1/tenants/{tenant}')).toBeUndefined();
    expect(refusalOf(of('dev', 'read'), 'get', '/v1/tenants/{tenant}')).toBeUndefined();
  });
});
