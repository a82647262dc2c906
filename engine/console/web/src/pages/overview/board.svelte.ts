// What the overview knows of each pipeline: its state from the list, and its numbers from its own status. Only
// what is in view is asked for, a few at once, so that a thousand pipelines do not ask a thousand questions.
import type { Api } from '../../api/client';
import type { ListedPipeline } from '../../api/shapes/pipeline';
import type { Status } from '../../api/shapes/status';
import { Poll } from '../../time/poll.svelte';
import { Rates } from '../../time/rates';
import { byTrouble } from './states';

/** Pipelines whose numbers are asked for in a round. */
export const MOST_ASKED = 60;
const AT_ONCE = 6;
const LIST_EVERY_MS = 4_000;
const STATUS_EVERY_MS = 3_000;
/** What comes into view is asked for when the scrolling rests. */
const REST_MS = 150;
/** Looks of a pipeline: rates of the last seconds need no more. */
const LOOKS = 8;

export interface Entry extends ListedPipeline {
  status: Status | undefined;
  eventsRate: number | undefined;
  outputsRate: number | undefined;
}

export class Board {
  /** What names must hold to be shown. */
  readonly #filter: () => string;
  readonly list: Poll<ListedPipeline[]>;
  readonly #statuses: Poll<Map<string, Status>>;
  readonly #rates = new Map<string, Rates>();
  #inView: string[] | undefined;
  #resting: ReturnType<typeof setTimeout> | undefined;
  readonly shown: ListedPipeline[] = $derived.by(() => this.#shownNow());
  readonly entries: Entry[] = $derived.by(() => this.shown.map((one) => this.#entry(one)));

  constructor(api: Api, tenant: string, filter: () => string = () => '') {
    this.#filter = filter;
    this.list = new Poll(LIST_EVERY_MS, async (signal) => {
      const list = await api.ask('get', '/v1/tenants/{tenant}/pipelines', { path: { tenant }, signal });
      // The first numbers come with the list.
      if (!this.list.value) setTimeout(() => void this.#statuses.refresh());
      return list;
    });
    this.#statuses = new Poll(STATUS_EVERY_MS, (signal) => this.#ask(api, tenant, signal));
  }

  /** Says which pipelines are in view; without a word the first ones are. */
  see(names: string[]): void {
    const before = new Set(this.#inView);
    const news = names.some((name) => !before.has(name));
    this.#inView = names;
    if (!news) return;
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => void this.#statuses.refresh(), REST_MS);
  }

  async refresh(): Promise<void> {
    await Promise.all([this.list.refresh(), this.#statuses.refresh()]);
  }

  #shownNow(): ListedPipeline[] {
    const part = this.#filter();
    const found = (this.list.value ?? []).filter(({ name, state }) => name.includes(part) || state === part);
    return byTrouble(found);
  }

  async #ask(api: Api, tenant: string, signal: AbortSignal): Promise<Map<string, Status>> {
    const open = this.#asked();
    const found = new Map<string, Status>();
    const worker = async () => {
      for (let pipeline = open.pop(); pipeline !== undefined; pipeline = open.pop()) {
        const path = { tenant, pipeline };
        // One that was deleted since has no status; the list will tell.
        const status = await api
          .ask('get', '/v1/tenants/{tenant}/pipelines/{pipeline}/status', { path, signal })
          .catch(() => undefined);
        if (status) found.set(pipeline, status);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    this.#note(found);
    return found;
  }

  /** All of a few; of many those in view. */
  #asked(): string[] {
    const shown = this.shown.map(({ name }) => name);
    if (shown.length <= MOST_ASKED || !this.#inView) return shown.slice(0, MOST_ASKED);
    return this.#inView.slice(0, MOST_ASKED);
  }

  #note(found: Map<string, Status>): void {
    for (const name of this.#rates.keys()) if (!found.has(name)) this.#rates.delete(name);
    for (const [name, { stats }] of found) {
      const rates = this.#rates.get(name) ?? new Rates(LOOKS);
      this.#rates.set(name, rates);
      rates.add(Date.now(), { events: stats.counts.events, outputs: stats.counts.outputs });
    }
  }

  #entry(one: ListedPipeline): Entry {
    const status = this.#statuses.value?.get(one.name);
    const rates = status ? this.#rates.get(one.name) : undefined;
    return { ...one, status, eventsRate: rates?.now('events'), outputsRate: rates?.now('outputs') };
  }
}
