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
  force: boolean;
}

export interface ApplyQuery {
  force?: string;
  shadow?: string;
  canary?: string;
  'max-error-ratio'?: string;
}

export function queryOf(wish: Wish): ApplyQuery {
  const query: ApplyQuery = wish.force ? { force: 'true' } : {};
  if (wish.way === 'shadow') query.shadow = 'true';
  if (wish.way === 'canary') {
    query.canary = wish.share;
    if (wish.maxErrorRatio !== '') query['max-error-ratio'] = wish.maxErrorRatio;
  }
  return query;
}

/** The name that a manifest gives its pipeline. */
export function nameOf(text: string): string | undefined {
  return /^name:\s*["']?([\w-]+)["']?\s*(?:#.*)?$/m.exec(text)?.[1];
}
