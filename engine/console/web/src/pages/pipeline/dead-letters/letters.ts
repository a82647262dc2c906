// Dead letters as groups, and their redrive: some at once, until the first that is refused.
import type { DeadLetter } from '../../../api/shapes/dead-letter';

/** Redrives that are under way at once. */
const AT_ONCE = 4;

export interface Group {
  key: string;
  step: string;
  code: string;
  /** A reason of the group, as an example. */
  reason: string;
  letters: DeadLetter[];
}

export function keyOf(letter: DeadLetter): string {
  return `${letter.step}/${letter.code}`;
}

/** By step and code, the largest group first. */
export function groupsOf(letters: readonly DeadLetter[]): Group[] {
  const groups = new Map<string, Group>();
  for (const letter of letters) {
    const key = keyOf(letter);
    const { step, code, reason } = letter;
    const group = groups.get(key) ?? { key, step, code, reason, letters: [] };
    group.letters.push(letter);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.letters.length - a.letters.length);
}

/** Those that can be sent again: of others, a part of the payload is all that was kept. */
export function wholeOf(letters: readonly DeadLetter[]): DeadLetter[] {
  return letters.filter(({ cut_from }) => cut_from === undefined);
}

/** Calls `send` for each id and tells how many are done. Throws what the first failure threw. */
export async function each(
  ids: readonly number[],
  send: (id: number) => Promise<unknown>,
  told: (done: number) => void,
): Promise<void> {
  const open = [...ids].reverse();
  let done = 0;
  let failed = false;
  const worker = async () => {
    for (let id = open.pop(); id !== undefined && !failed; id = open.pop()) {
      try {
        await send(id);
      } catch (cause) {
        failed = true;
        throw cause;
      }
      done += 1;
      told(done);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Headers that go with a mended event. Those of the broker belong to the event that was. */
export function headersOf({ headers }: Pick<DeadLetter, 'headers'>): Record<string, string> {
  const own = headers.filter(({ name }) => !/^(nats|tr)-/i.test(name));
  return Object.fromEntries(own.map(({ name, value }) => [name, value]));
}

/** What the event was, with what it takes to send it again by hand. */
export function payloadOf(letter: DeadLetter): string {
  return letter.payload_text ?? letter.payload_hex ?? '';
}
