// What is watched: the newest samples or lines, a bounded number. While it is held, the stream goes on and what
// comes is counted, not shown, so that one can read. A watch that ends, as when the engine starts again, says why and
// begins anew by itself.
import { untrack } from 'svelte';
import { readEvents } from '../../../api/events';
import { asProblem, Problem } from '../../../api/problem';
import type { Shown } from '../../../api/shapes/live';

/** Of samples or lines; the oldest go first. */
export const MOST_KEPT = 500;

/** The first pause before a watch that ended begins anew; each further one in vain doubles it. */
export const AGAIN_MS = 1_000;
const MOST_AGAIN_MS = 30_000;

/** Opens the stream; `last` is the newest that was seen of it, where it begins anew. */
export type Open<T> = (signal: AbortSignal, last: T | undefined) => Promise<Response>;

export class Watch<T extends object> {
  kept = $state.raw<(T & { id: number })[]>([]);
  problem = $state.raw<Problem | undefined>();
  held = $state(false);
  passed = $state(0);
  missed = $state(0);
  shown = $state.raw<Shown | undefined>();
  #next = 0;
  #running: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  /** Watches until it is stopped or begun anew. */
  begin(open: Open<T>, name: string): void {
    this.stop();
    this.kept = [];
    this.problem = undefined;
    this.passed = 0;
    this.missed = 0;
    this.shown = undefined;
    this.#failures = 0;
    // Whatever it has seen so far is no reason to begin anew.
    untrack(() => void this.#watch(open, name));
  }

  async #watch(open: Open<T>, name: string): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    // What is sent a second time is known already.
    const known = new Set(this.kept.map((one) => JSON.stringify({ ...one, id: 0 })));
    let why = BROKEN_OFF;
    try {
      const response = await open(running.signal, this.kept[0]);
      this.problem = undefined;
      this.#failures = 0;
      await readEvents(response, running.signal, (event) => {
        if (event.name === name) this.#take(JSON.parse(event.data) as T, known);
        else if (event.name === 'missed') this.missed += 1;
        else if (event.name === 'shown') this.shown = JSON.parse(event.data) as Shown;
        else if (event.name === 'ended') why = reasonOf(event.data);
      });
      this.problem = ended(why);
    } catch (cause) {
      // A connection that breaks is no failure of the console.
      this.problem = cause instanceof TypeError ? ended(why) : asProblem(cause);
    }
    if (running.signal.aborted) return;
    const pause = Math.min(AGAIN_MS * 2 ** this.#failures, MOST_AGAIN_MS);
    this.#failures = Math.min(this.#failures + 1, 5);
    this.#timer = setTimeout(() => void this.#watch(open, name), pause);
  }

  /** While it is held, what comes is counted only. */
  hold(held: boolean): void {
    this.held = held;
    this.passed = 0;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
  }

  #take(one: T, known: Set<string>): void {
    if (known.delete(JSON.stringify({ ...one, id: 0 }))) return;
    if (this.held) {
      this.passed += 1;
      return;
    }
    this.#next += 1;
    this.kept = [{ ...one, id: this.#next }, ...this.kept].slice(0, MOST_KEPT);
  }
}

const BROKEN_OFF = 'the connection to the engine broke off; the engine may have stopped';

/** Why the engine ended the stream. */
function reasonOf(data: string): string {
  return (JSON.parse(data) as { reason: string }).reason;
}

function ended(why: string): Problem {
  return new Problem({ status: 0, code: 'ended', detail: `the watch has ended: ${why}` });
}
