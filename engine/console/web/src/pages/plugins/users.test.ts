// Plugins and their users.
import { describe, expect, it } from 'vitest';
import { nameOf, usersOf } from './users';

describe('users', () => {
  it('are named once for all their steps', () => {
    const step = { id: 's', kind: 'step', plugin: 'validator', version: '1.0.0' };
    const users = usersOf({
      nodes: [
        { ...step, pipeline: 'a' },
        { ...step, pipeline: 'a' },
        { ...step, pipeline: 'b' },
        { id: 'p', kind: 'pipeline', pipeline: 'c' },
      ],
      edges: [],
    });
    expect([...users]).toEqual([['validator@1.0.0', ['a', 'b']]]);
  });

  it('begin with a name that the API takes', () => {
    expect(nameOf('Embedding_Updater.wasm')).toBe('embedding-updater');
    expect(nameOf('__.wasm')).toBe('');
  });
});
