// How a manifest is to take effect, as the API's query parameters.
export type Way = 'at-once' | 'shadow' | 'canary';

export const WAYS: readonly { way: Way; title: string; says: string }[] = [
  { way: 'at-once', title: 'At once', says: 'The new revision takes effect between two batches.' },
  { way: 'shadow', title: 'As a shadow', says: 'It processes the same events, and none of its effects happen.' },
  {
    way: 'canary',
    title: 'As a canary',
    says: 'It processes a share of the keys, and ends when it fails too often.',
  },
];

export interface Wish {
  way: Way;
  share: string;
  maxErrorRatio: string;
  maxP99: string;
  minEvents: string;
  force: boolean;
}

export interface ApplyQuery {
  force?: string;
  shadow?: string;
  canary?: string;
  'max-error-ratio'?: string;
  'max-p99'?: string;
  'min-events'?: string;
  'dry-run'?: string;
}

export function queryOf(wish: Wish): ApplyQuery {
  const query: ApplyQuery = wish.force ? { force: 'true' } : {};
  if (wish.way === 'shadow') query.shadow = 'true';
  if (wish.way === 'canary') {
    query.canary = wish.share;
    if (wish.maxErrorRatio !== '') query['max-error-ratio'] = wish.maxErrorRatio;
    if (wish.maxP99 !== '') query['max-p99'] = wish.maxP99;
    if (wish.minEvents !== '') query['min-events'] = wish.minEvents;
  }
  return query;
}

/** A check is of what takes the place of the active revision, whichever way it is to go. */
export function checkOf({ force }: Pick<Wish, 'force'>): ApplyQuery {
  return { 'dry-run': 'true', ...(force ? { force: 'true' } : {}) };
}

/** The name that a manifest gives its pipeline. */
export function nameOf(text: string): string | undefined {
  return /^name:\s*["']?([\w-]+)["']?\s*(?:#.*)?$/m.exec(text)?.[1];
}

/** The value of a field as it was or will be: a text as it is, other values as JSON. */
export function valueOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value, null, 1).replace(/\n\s*/g, ' ');
}
