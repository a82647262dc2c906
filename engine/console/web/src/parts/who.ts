// Who made a revision, as the audit log tells it.
import type { AuditRecord } from '../api/shapes/tenant';

/** Names by revision. The log comes newest first, and the newest record of a number is that of this pipeline. */
export function makersOf(records: readonly AuditRecord[], pipeline: string): Map<number, string> {
  const makers = new Map<number, string>();
  for (const { target, after, who } of records) {
    const revision = (after as { revision?: unknown } | null | undefined)?.revision;
    if (target !== `pipeline/${pipeline}` || typeof revision !== 'number' || makers.has(revision)) continue;
    makers.set(revision, makerOf(who));
  }
  return makers;
}

/** A token's label, or its id where it has none. */
export function makerOf({ label, token }: AuditRecord['who']): string {
  return label || token || 'the engine';
}
