// The one way to the API. Routes, their path parameters and their query parameters are those of the OpenAPI
// description, so a route that changes breaks the build. The answers' types stand in `answers.ts`.
import type { Answers } from './answers';
import type { paths } from './generated';
import { Problem, problemOf, unreachable } from './problem';

export type Verb = 'get' | 'put' | 'post' | 'delete';
/** Paths that take this verb. */
export type Route<V extends Verb> = {
  [P in keyof paths]: paths[P] extends Record<V, { responses: unknown }> ? P : never;
}[keyof paths];

type Operation<V extends Verb, P extends Route<V>> = paths[P] extends Record<V, infer O> ? O : never;
// An address holds text, whatever a parameter is.
type PathOf<O> = O extends { parameters: { path: infer X } } ? { [K in keyof X]: string } : never;
type QueryOf<O> = O extends { parameters: { query?: infer X } } ? { [K in keyof NonNullable<X>]: string } : never;

/** What a request says. */
export type Options<V extends Verb, P extends Route<V>> = {
  query?: QueryOf<Operation<V, P>>;
  body?: BodyInit;
  /** A body that is written as JSON. */
  json?: unknown;
  /** Media type of the body; a form names its own. */
  type?: string;
  ifMatch?: string;
  signal?: AbortSignal;
} & ([PathOf<Operation<V, P>>] extends [never] ? { path?: undefined } : { path: PathOf<Operation<V, P>> });

export type AnswerOf<V extends Verb, P extends Route<V>> = `${V} ${P}` extends keyof Answers
  ? Answers[`${V} ${P}`]
  : unknown;

/** Requests with one token. */
export class Api {
  readonly #token: string;
  readonly #refused: () => void;

  /** `refused` runs when the token is not valid, or no longer. */
  constructor(token: string, refused: () => void) {
    this.#token = token;
    this.#refused = refused;
  }

  /** The answer as JSON; undefined where it has none. */
  async ask<V extends Verb, P extends Route<V>>(
    verb: V,
    route: P,
    options: Options<V, P>,
  ): Promise<AnswerOf<V, P>> {
    const response = await this.send(verb, route, options);
    const text = await response.text();
    return (text === '' ? undefined : JSON.parse(text)) as AnswerOf<V, P>;
  }

  /** The answer itself, where its body is no JSON or never ends. Throws a problem unless it is a success. */
  async send<V extends Verb, P extends Route<V>>(verb: V, route: P, options: Options<V, P>): Promise<Response> {
    const headers = new Headers({ authorization: `Bearer ${this.#token}` });
    if (options.type) headers.set('content-type', options.type);
    if (options.ifMatch) headers.set('if-match', options.ifMatch);
    const request: RequestInit = { method: verb.toUpperCase(), headers, credentials: 'omit' };
    if (options.body !== undefined) request.body = options.body;
    if (options.json !== undefined) {
      headers.set('content-type', 'application/json');
      request.body = JSON.stringify(options.json);
    }
    if (options.signal) request.signal = options.signal;
    const response = await fetch(address(route, options.path, options.query), request).catch((cause: unknown) => {
      throw options.signal?.aborted ? cause : unreachable();
    });
    if (response.ok) return response;
    if (response.status === 401) this.#refused();
    throw await problemOf(response);
  }
}

/** A browser takes these out of an address, however they are written, and asks another route then. */
const NO_PARTS = ['', '.', '..'];

/** A route with its parameters filled in. Throws where a parameter cannot stand in an address. */
export function address(
  route: string,
  path: Record<string, string> = {},
  query: Record<string, string | undefined> = {},
): string {
  const filled = route.replace(/\{([^}]+)\}/g, (_, name: string) => {
    const part = path[name] ?? '';
    if (!NO_PARTS.includes(part)) return encodeURIComponent(part);
    const detail = `a browser cannot ask for the ${name} ${JSON.stringify(part)}: it leaves that out of an address`;
    throw new Problem({ status: 0, code: 'console', detail, field: name });
  });
  const said = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const search = new URLSearchParams(said).toString();
  return search === '' ? filled : `${filled}?${search}`;
}
