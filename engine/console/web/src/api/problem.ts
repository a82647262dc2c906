// What went wrong, in the API's own words (RFC 9457). A failure that is no answer of the API, such as an engine
// that is away, becomes a problem too, so that pages know one kind of failure only.

export interface ProblemFields {
  status: number;
  code: string;
  detail: string;
  /** The wrong field of a manifest. */
  field?: string | undefined;
  /** Where the code is explained. */
  type?: string | undefined;
  /** The log of the engine shows it. */
  requestId?: string | undefined;
}

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly field: string | undefined;
  readonly type: string | undefined;
  readonly requestId: string | undefined;

  constructor(fields: ProblemFields) {
    super(fields.detail);
    this.status = fields.status;
    this.code = fields.code;
    this.detail = fields.detail;
    this.field = fields.field;
    this.type = fields.type;
    this.requestId = fields.requestId;
  }

  /** Whether the engine found what was sent to be wrong. */
  get isOfBody(): boolean {
    return this.status === 400 || this.status === 422;
  }

  /** Whether the same question may be answered later. */
  get passes(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** No answer came at all. */
export function unreachable(): Problem {
  return new Problem({
    status: 0,
    code: 'unreachable',
    detail: 'the engine does not answer; the console keeps trying',
  });
}

/** The problem of an answer that is none of the wished ones. */
export async function problemOf(response: Response): Promise<Problem> {
  const requestId = response.headers.get('tr-request-id') ?? undefined;
  const body: unknown = await response.json().catch(() => undefined);
  return new Problem({ ...fieldsOf(body, response.status), status: response.status, requestId });
}

/** Whatever was thrown, as a problem. */
export function asProblem(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new Problem({ status: 0, code: 'console', detail: `the console failed: ${detail}` });
}

function fieldsOf(body: unknown, status: number): Omit<ProblemFields, 'status'> {
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : undefined);
  return {
    code: text('code') ?? `http-${status}`,
    detail: text('detail') ?? `the answer has status ${status} and does not say why`,
    field: text('field'),
    type: linkOf(text('type')),
  };
}

/** Only a web address is made a link. */
function linkOf(type: string | undefined): string | undefined {
  return type?.startsWith('https://') ? type : undefined;
}
