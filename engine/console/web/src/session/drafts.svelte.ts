// Text that was typed and is saved nowhere yet. It is kept when its form goes away: with a session that ends, with
// another tab of the page. It ends when it is saved or discarded, with a logout, and with a token of somebody else.
// In the tab's sessionStorage it is only where its owner keeps the token there too. No secret is ever a draft.
const KEPT = 'tailrace.drafts';

/** Each under the names of what it is of. */
class Drafts {
  readonly #texts = new Map<string, string>();
  /** Whose they are. */
  #owner: string | undefined;
  #isKept = false;

  get(key: string): string | undefined {
    return this.#texts.get(key);
  }

  has(key: string): boolean {
    return this.#texts.has(key);
  }

  get isEmpty(): boolean {
    return this.#texts.size === 0;
  }

  set(key: string, text: string): void {
    this.#texts.set(key, text);
    this.#store();
  }

  delete(key: string): void {
    if (this.#texts.delete(key)) this.#store();
  }

  /** A session begins: those of somebody else end. */
  begin(owner: string, keep: boolean): void {
    if (this.#owner === undefined) this.#load();
    if (this.#owner !== owner) this.#texts.clear();
    this.#owner = owner;
    this.#isKept = keep;
    this.#store();
  }

  /** The token is not in the tab any more; what it typed stays in memory. */
  unkeep(): void {
    this.#isKept = false;
    sessionStorage.removeItem(KEPT);
  }

  /** Their owner has logged out. */
  clear(): void {
    this.#texts.clear();
    this.#owner = undefined;
    this.unkeep();
  }

  #store(): void {
    if (!this.#isKept) return;
    if (this.isEmpty) {
      sessionStorage.removeItem(KEPT);
      return;
    }
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ owner: this.#owner, texts: [...this.#texts] }));
    } catch {
      // The tab has no room for it. Memory has, and whoever leaves the page is asked.
      sessionStorage.removeItem(KEPT);
    }
  }

  #load(): void {
    const text = sessionStorage.getItem(KEPT);
    if (text === null) return;
    const { owner, texts } = JSON.parse(text) as { owner: string; texts: [string, string][] };
    this.#owner = owner;
    for (const [key, draft] of texts) this.#texts.set(key, draft);
  }
}

export const drafts = new Drafts();

/** Asks before the page goes, while something is typed and not saved. */
export function askBeforeLeaving(): void {
  window.addEventListener('beforeunload', (event) => {
    if (!drafts.isEmpty) event.preventDefault();
  });
}

/** Names of tenants, pipelines and forms have no slash. */
export function keyOf(names: readonly string[]): string {
  return names.join('/');
}

/** What a form holds: fields, and what they began with. */
export class Draft<T extends object> {
  readonly #key: string;
  #first = $state.raw('');
  fields = $state() as T;
  readonly isChanged = $derived.by(() => JSON.stringify(this.fields) !== this.#first);

  constructor(names: readonly string[], first: T) {
    this.#key = keyOf(names);
    this.#first = JSON.stringify(first);
    this.fields = JSON.parse(drafts.get(this.#key) ?? this.#first) as T;
  }

  /** Other fields to begin with; what was typed is gone. */
  begin(first: T): void {
    this.#first = JSON.stringify(first);
    this.discard();
  }

  /** Changes what was begun with as well; what was typed stays. */
  rebase(change: (fields: T) => void): void {
    const first = JSON.parse(this.#first) as T;
    change(first);
    change(this.fields);
    this.#first = JSON.stringify(first);
    this.note();
  }

  /** What was typed is saved, and stays in the form. */
  saved(): void {
    this.begin($state.snapshot(this.fields) as T);
  }

  /** What was typed is to be forgotten. */
  discard(): void {
    this.fields = JSON.parse(this.#first) as T;
    drafts.delete(this.#key);
  }

  /** Notes what is typed. */
  note(): void {
    if (this.isChanged) drafts.set(this.#key, JSON.stringify(this.fields));
    else drafts.delete(this.#key);
  }
}

/** To be called while a component starts: the draft of these names, or a new one with these fields. */
export function useDraft<T extends object>(names: readonly string[], first: T): Draft<T> {
  const draft = new Draft(names, first);
  $effect(() => draft.note());
  return draft;
}
