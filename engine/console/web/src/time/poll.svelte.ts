// Asks a question again and again while somebody looks. What was answered last stays while a later question
// fails, so nothing jumps; the problem stands beside it.
import { asProblem, type Problem } from '../api/problem';

/** The longest pause after failures. */
const MOST_MS = 30_000;
/** After the first failure of what is asked once only. */
const AGAIN_MS = 2_000;

export class Poll<T> {
  value = $state.raw<T | undefined>();
  problem = $state.raw<Problem | undefined>();
  readonly #ask: (signal: AbortSignal) => Promise<T>;
  readonly #everyMs: number;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | undefined;

  /**
   * To be made while a component starts: it ends with the component. It asks anew when something changes that
   * `ask` reads before it waits, such as a filter.
   */
  constructor(everyMs: number, ask: (signal: AbortSignal) => Promise<T>) {
    this.#ask = ask;
    this.#everyMs = everyMs;
    $effect(() => {
      const look = () => this.#look();
      document.addEventListener('visibilitychange', look);
      void this.refresh();
      return () => {
        document.removeEventListener('visibilitychange', look);
        this.#stop();
      };
    });
  }

  /** Asks now. */
  async refresh(): Promise<void> {
    this.#stop();
    const running = new AbortController();
    this.#running = running;
    try {
      const value = await this.#ask(running.signal);
      if (running.signal.aborted) return;
      this.value = value;
      this.problem = undefined;
      this.#failures = 0;
    } catch (cause) {
      if (running.signal.aborted) return;
      this.problem = asProblem(cause);
      this.#failures += 1;
    }
    this.#plan();
  }

  #plan(): void {
    // What was answered needs no second answer; what may be answered later is asked again.
    const everyMs = this.#everyMs || (this.problem?.passes ? AGAIN_MS : 0);
    if (document.hidden || everyMs === 0) return;
    const pause = Math.min(everyMs * 2 ** Math.min(this.#failures, 5), MOST_MS);
    this.#timer = setTimeout(() => void this.refresh(), Math.max(pause, everyMs));
  }

  /** A tab in the background asks nothing. */
  #look(): void {
    if (document.hidden) clearTimeout(this.#timer);
    else void this.refresh();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
  }
}
