// What is watched: the newest samples or lines, a bounded number. While it is held, the stream goes on and what
// comes is counted, not shown, so that one can read.
import { readEvents } from '../../../api/events';
import { asProblem, Problem } from '../../../api/problem';
import type { Shown } from '../../../api/shapes/live';

/** Of samples or lines; the oldest go first. */
export const MOST_KEPT = 500;

export class Watch<T extends object> {
  kept = $state.raw<(T & { id: number })[]>([]);
  problem = $state.raw<Problem | undefined>();
  running = $state(false);
  held = $state(false);
  passed = $state(0);
  missed = $state(0);
  shown = $state.raw<Shown | undefined>();
  #next = 0;
  #running: AbortController | undefined;

  /** Watches until it is stopped, begun anew, or the stream ends. */
  async begin(open: (signal: AbortSignal) => Promise<Response>, name: string): Promise<void> {
    this.stop();
    const running = new AbortController();
    this.#running = running;
    this.kept = [];
    this.problem = undefined;
    this.passed = 0;
    this.missed = 0;
    this.shown = undefined;
    this.running = true;
    try {
      const response = await open(running.signal);
      await readEvents(response, running.signal, (event) => {
        if (event.name === name) this.#take(JSON.parse(event.data) as T);
        else if (event.name === 'missed') this.missed += 1;
        else if (event.name === 'shown') this.shown = JSON.parse(event.data) as Shown;
        else if (event.name === 'ended') this.problem = ended(event.data);
      });
    } catch (cause) {
      if (!running.signal.aborted) this.problem = asProblem(cause);
    }
    if (this.#running === running) this.running = false;
  }

  /** While it is held, what comes is counted only. */
  hold(held: boolean): void {
    this.held = held;
    this.passed = 0;
  }

  stop(): void {
    this.#running?.abort();
    this.running = false;
  }

  #take(one: T): void {
    if (this.held) {
      this.passed += 1;
      return;
    }
    this.#next += 1;
    this.kept = [{ ...one, id: this.#next }, ...this.kept].slice(0, MOST_KEPT);
  }
}

/** Why the engine ended the stream. */
function ended(data: string): Problem {
  const { reason } = JSON.parse(data) as { reason: string };
  return new Problem({ status: 0, code: 'ended', detail: reason });
}
