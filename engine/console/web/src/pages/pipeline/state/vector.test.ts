// Vectors whose ids cannot stand in an address.
import { describe, expect, it } from 'vitest';
import { address, type Api } from '../../../api/client';
import { vectorOf } from './vector';

const OF = { tenant: 'dev', pipeline: 'tastes', collection: 'users' };

/** An engine with these ids, of which a page holds two; it notes what it was asked. */
function engine(ids: string[]) {
  const asked: string[] = [];
  const ask = async (_: string, route: string, { path = {}, query = {} }: Asked) => {
    asked.push(decodeURIComponent(address(route, path, query)));
    if ('id' in path) return { id: path['id'] };
    const rest = ids.filter((id) => query['after'] === undefined || id > query['after']);
    const vectors = rest.slice(0, 2).map((id) => ({ id }));
    return { vectors, ...(rest.length > 2 ? { next: vectors[1]?.id } : {}) };
  };
  return { asked, api: { ask } as unknown as Api };
}

interface Asked {
  path?: Record<string, string>;
  query?: Record<string, string>;
}

describe('a vector', () => {
  it('is asked for by its id', async () => {
    const { api, asked } = engine([]);
    expect((await vectorOf(api, OF, 'a/b')).id).toBe('a/b');
    expect(asked).toEqual(['/v1/tenants/dev/pipelines/tastes/vectors/users/a/b']);
  });

  it.each(['', '.', '..'])('%j is found in the list', async (id) => {
    const { api, asked } = engine(['', '+', '-a', '.', '.-a', '.-b', '..', '...', '/']);
    expect((await vectorOf(api, OF, id)).id).toBe(id);
    expect(asked[0]).toMatch(/\/vectors\/users\?/);
  });

  it('that is not there is told as the API tells it', async () => {
    const { api, asked } = engine(['a', 'b', 'c', 'd', 'e']);
    await expect(vectorOf(api, OF, '..')).rejects.toMatchObject({ status: 404, code: 'not-found' });
    expect(asked).toHaveLength(1);
  });
});

describe('an address', () => {
  it.each(['', '.', '..'])('with %j as a part is refused, for another route would be asked', (stream) => {
    const route = '/v1/tenants/{tenant}/streams/{stream}';
    expect(() => address(route, { tenant: 'dev', stream })).toThrow('a browser cannot ask for the stream');
    expect(address(route, { tenant: 'dev', stream: '...' })).toBe('/v1/tenants/dev/streams/...');
  });
});
