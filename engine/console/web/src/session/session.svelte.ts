// The session: a token in memory and, if its owner wishes, in this tab's sessionStorage. It is never in an
// address, so no history, no log and no shared link can hold it.
import { Api } from '../api/client';
import { Problem } from '../api/problem';

const KEPT = 'tailrace.token';
const KEPT_TENANT = 'tailrace.tenant';

/** A token that was tried, and what it is good for. */
export interface Login {
  api: Api;
  /** Whether it is an operator's. */
  operator: boolean;
  /** The tenant that it was tried with. */
  tenant: string | undefined;
}

class Session {
  login = $state.raw<Login | undefined>();
  /** Why the last session ended, if its owner did not end it. */
  ended = $state<string | undefined>();

  /** Tries a token. Throws the API's problem if it is good for nothing. */
  async open(token: string, tenant: string, keep: boolean): Promise<void> {
    const api = new Api(token, () => this.#refused(api));
    this.login = { api, ...(await rightsOf(api, tenant)) };
    this.ended = undefined;
    forget();
    if (keep) {
      sessionStorage.setItem(KEPT, token);
      sessionStorage.setItem(KEPT_TENANT, tenant);
    }
  }

  /** The token that this tab kept, with the tenant that it was entered for. */
  kept(): { token: string; tenant: string } | undefined {
    const token = sessionStorage.getItem(KEPT);
    return token === null ? undefined : { token, tenant: sessionStorage.getItem(KEPT_TENANT) ?? '' };
  }

  close(): void {
    this.login = undefined;
    forget();
  }

  #refused(api: Api): void {
    if (this.login?.api !== api) return;
    this.close();
    this.ended = 'The token is not valid any more. Enter another one to go on where you were.';
  }
}

export const session = new Session();

function forget(): void {
  sessionStorage.removeItem(KEPT);
  sessionStorage.removeItem(KEPT_TENANT);
}

/** An operator's token lists tenants. Another tenant's path is not found, whatever is there. */
async function rightsOf(api: Api, tenant: string): Promise<Omit<Login, 'api'>> {
  const operator = await api.ask('get', '/v1/tenants', {}).then(
    () => true,
    (cause: unknown) => {
      if (cause instanceof Problem && cause.status === 404) return false;
      throw cause;
    },
  );
  if (operator) return { operator, tenant: tenant || undefined };
  if (tenant === '') {
    const detail = 'this token belongs to a tenant: enter the name of the tenant, too';
    throw new Problem({ status: 404, code: 'console', detail });
  }
  await api.ask('get', '/v1/tenants/{tenant}', { path: { tenant } });
  return { operator, tenant };
}
