// A vector by its id. An id may be `.`, `..` or nothing, which no browser can put into an address: such a one is looked
// for in the list of its collection, which takes ids as a query.
import { Problem } from '../../../api/problem';
import type { Api } from '../../../api/client';
import type { VectorEntry } from '../../../api/shapes/query';

const LIST = '/v1/tenants/{tenant}/pipelines/{pipeline}/vectors/{collection}';
const LAST = '\u{10ffff}';
/** Where the list is to begin, so that the id is among the first: ids come in the order of their characters. */
const BEFORE: Record<string, string | undefined> = { '': undefined, '.': `-${LAST}`, '..': `.-${LAST}` };
const PAGE = '20';

export type Collection = { tenant: string; pipeline: string; collection: string };

/** Throws the API's problem where nothing is under this id. */
export async function vectorOf(api: Pick<Api, 'ask'>, of: Collection, id: string): Promise<VectorEntry> {
  if (!(id in BEFORE)) return api.ask('get', `${LIST}/{id}`, { path: { ...of, id } });
  let after = BEFORE[id];
  do {
    const query = { limit: PAGE, ...(after === undefined ? {} : { after }) };
    const { vectors, next } = await api.ask('get', LIST, { path: of, query });
    const found = vectors.find((one) => one.id === id);
    if (found) return found;
    after = vectors.some((one) => one.id > id) ? undefined : next;
  } while (after !== undefined);
  const detail = `there is no vector ${JSON.stringify(id)} in the collection ${of.collection}`;
  throw new Problem({ status: 404, code: 'not-found', detail });
}
