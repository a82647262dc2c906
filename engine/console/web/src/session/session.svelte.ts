// The session: a token in memory and, if its owner wishes, in this tab's sessionStorage. It is never in an
// address, so no history, no log and no shared link can hold it.
import { Api, type Verb } from '../api/client';
import { Problem } from '../api/problem';
import { drafts } from './drafts.svelte';
import { refusalOf, type Rights } from './rights';

const KEPT = 'tailrace.token';
const KEPT_TENANT = 'tailrace.tenant';

/** A token that was tried, and what it is good for. */
export interface Login {
  api: Api;
  /** Whether it is an operator's. */
  operator: boolean;
  /** The tenant that it was tried with, or that it is of. */
  tenant: string | undefined;
  /** Why the token may not do this; nothing where it may. Forms and buttons ask before they are used. */
  refusal(verb: Verb, route: string): string | undefined;
}

class Session {
  login = $state.raw<Login | undefined>();
  /** Why the last session ended, if its owner did not end it. */
  ended = $state<string | undefined>();

  /** Tries a token. Throws the API's problem if it is good for nothing. */
  async open(token: string, tenant: string, keep: boolean): Promise<void> {
    const api = new Api(token, () => this.#refused(api));
    const rights = await rightsOf(api, tenant);
    // Text that was typed with another token of the same tenant goes on.
    drafts.begin(rights.tenant ?? '', keep);
    this.login = {
      api,
      operator: rights.tenant === undefined,
      tenant: rights.tenant ?? (tenant || undefined),
      refusal: (verb, route) => refusalOf(rights, verb, route),
    };
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

  /** Its owner ends it: nothing that was typed stays. */
  close(): void {
    this.#end();
    drafts.clear();
  }

  #end(): void {
    this.login = undefined;
    forget();
    drafts.unkeep();
  }

  #refused(api: Api): void {
    if (this.login?.api !== api) return;
    this.#end();
    this.ended = 'The token is not valid any more. Enter another one to go on where you were.';
  }
}

export const session = new Session();

function forget(): void {
  sessionStorage.removeItem(KEPT);
  sessionStorage.removeItem(KEPT_TENANT);
}

/** Asks what the token is, before anything that it may not ask. */
async function rightsOf(api: Api, tenant: string): Promise<Rights> {
  const { tenant: own, scope } = await api.ask('get', '/v1/whoami', {});
  if (own && tenant !== '' && tenant !== own) {
    const detail = `this token does not open tenant ${tenant}: it is of tenant ${own}; enter that, or another token`;
    throw new Problem({ status: 404, code: 'not-found', detail });
  }
  return { tenant: own ?? undefined, role: scope };
}
