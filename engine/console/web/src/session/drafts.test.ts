// Drafts: kept for their owner, and in the tab's storage only where the token is kept there.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Draft, drafts, keyOf } from './drafts.svelte';

const KEPT = 'tailrace.drafts';
const NAMES = ['manifest', 'dev', 'orders'];
const storage = new Map<string, string>();
let hasRoom = true;

beforeEach(() => {
  storage.clear();
  hasRoom = true;
  vi.stubGlobal('sessionStorage', {
    getItem: (name: string) => storage.get(name) ?? null,
    removeItem: (name: string) => void storage.delete(name),
    setItem: (name: string, text: string) => {
      if (!hasRoom) throw new Error('no room');
      storage.set(name, text);
    },
  });
  drafts.clear();
  drafts.begin('dev', false);
});

function typed(text: string): Draft<{ text: string }> {
  const draft = new Draft(NAMES, { text: 'first' });
  draft.fields.text = text;
  draft.note();
  return draft;
}
const again = () => new Draft(NAMES, { text: 'first' });

describe('a draft', () => {
  it('is there when its form comes again', () => {
    typed('mine');
    expect(again().fields.text).toBe('mine');
    expect(again().isChanged).toBe(true);
  });

  it('ends when it is saved, discarded, or what one began with again', () => {
    typed('mine').saved();
    expect(drafts.isEmpty).toBe(true);
    const draft = typed('mine');
    draft.discard();
    expect(draft.fields.text).toBe('first');
    expect(drafts.isEmpty).toBe(true);
    typed('mine');
    typed('first');
    expect(drafts.has(keyOf(NAMES))).toBe(false);
  });

  it('stays for another token of the same owner only', () => {
    typed('mine');
    drafts.unkeep();
    drafts.begin('dev', false);
    expect(again().fields.text).toBe('mine');
    drafts.begin('shop', false);
    expect(drafts.isEmpty).toBe(true);
  });

  it('ends with a logout', () => {
    typed('mine');
    drafts.clear();
    drafts.begin('dev', false);
    expect(again().fields.text).toBe('first');
  });

  it('is in the storage of the tab only while the token is kept there', () => {
    typed('mine');
    expect(storage.size).toBe(0);
    drafts.begin('dev', true);
    expect(storage.get(KEPT)).toContain('mine');
    drafts.unkeep();
    expect(storage.size).toBe(0);
    expect(again().fields.text).toBe('mine');
  });

  it('is in memory where the storage of the tab has no room, and no older one is in the storage', () => {
    drafts.begin('dev', true);
    typed('older');
    hasRoom = false;
    typed('mine');
    expect(storage.size).toBe(0);
    expect(again().fields.text).toBe('mine');
  });
});
