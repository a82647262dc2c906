// Who made a revision.
import { describe, expect, it } from 'vitest';
import type { AuditRecord } from '../api/shapes/tenant';
import { makersOf } from './who';

function record(target: string, revision: number | undefined, who: Partial<AuditRecord['who']>): AuditRecord {
  const after = revision === undefined ? null : { revision };
  return {
    sequence: 1,
    id: '',
    at_ms: 0,
    action: '',
    outcome: 'done',
    target,
    after,
    who: { scope: 'dev', ...who },
  };
}

describe('who made a revision', () => {
  it('is the newest that the log names, by label or id', () => {
    const makers = makersOf(
      [
        record('pipeline/orders', 2, { token: 'a1', label: 'ada' }),
        record('pipeline/others', 1, { label: 'bob' }),
        record('pipeline/orders', undefined, { label: 'bob' }),
        record('pipeline/orders', 1, { token: 'b2' }),
        record('pipeline/orders', 2, { label: 'one of a pipeline that is gone' }),
        record('pipeline/orders', 3, {}),
      ],
      'orders',
    );
    expect([...makers]).toEqual([
      [2, 'ada'],
      [1, 'b2'],
      [3, 'the engine'],
    ]);
  });
});
