// A watch over a stream that ends, as when an engine starts again.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../../../api/problem';
import { AGAIN_MS, Watch, type Open } from './watch.svelte';

interface One {
  sequence: number;
}

/** A stream of these, which then ends with these words, or without any. */
function stream(sequences: number[], last = ''): Response {
  const events = sequences.map((sequence) => `event: one\ndata: ${JSON.stringify({ sequence })}\n\n`);
  return new Response(events.join('') + last);
}

const silent = () => new Response(new ReadableStream());
const seen = (watch: Watch<One>) => watch.kept.map(({ sequence }) => sequence);
/** Lets what is read be taken, without any time. */
const settled = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('a watch', () => {
  it('whose stream ends says so, and begins anew behind what it saw', async () => {
    const watch = new Watch<One>();
    const answers = [stream([1, 2]), stream([2, 3]), silent()];
    const asked: (number | undefined)[] = [];
    const open: Open<One> = async (_, last) => {
      asked.push(last?.sequence);
      return answers.shift() ?? silent();
    };
    watch.begin(open, 'one');
    await settled();
    expect(seen(watch)).toEqual([2, 1]);
    expect(watch.problem?.detail).toContain('the watch has ended: the connection to the engine broke off');
    await vi.advanceTimersByTimeAsync(AGAIN_MS);
    expect(seen(watch)).toEqual([3, 2, 1]);
    await vi.advanceTimersByTimeAsync(AGAIN_MS);
    expect(watch.problem).toBeUndefined();
    expect(asked).toEqual([undefined, 2, 3]);
    watch.stop();
  });

  it('gives the reason of the engine', async () => {
    const watch = new Watch<One>();
    watch.begin(async () => stream([], 'event: ended\ndata: {"reason":"the token has ended"}\n\n'), 'one');
    await settled();
    expect(watch.problem?.detail).toBe('the watch has ended: the token has ended');
    watch.stop();
  });

  it('asks an engine that is away less and less often', async () => {
    const watch = new Watch<One>();
    let asked = 0;
    watch.begin(async () => {
      asked += 1;
      throw new Problem({ status: 0, code: 'unreachable', detail: 'away' });
    }, 'one');
    await settled();
    const after: number[] = [];
    for (let second = 0; second < 8; second += 1) {
      after.push(asked);
      await vi.advanceTimersByTimeAsync(AGAIN_MS);
    }
    expect(after).toEqual([1, 2, 2, 3, 3, 3, 3, 4]);
    expect(watch.problem?.detail).toBe('away');
    watch.stop();
  });

  it('that is stopped asks nothing more', async () => {
    const watch = new Watch<One>();
    let asked = 0;
    watch.begin(async () => {
      asked += 1;
      return stream([]);
    }, 'one');
    await settled();
    watch.stop();
    await vi.advanceTimersByTimeAsync(60 * AGAIN_MS);
    expect(asked).toBe(1);
  });
});
