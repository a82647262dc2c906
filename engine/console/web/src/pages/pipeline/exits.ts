// The exits of a parked pipeline, as docs/reference/states.md lists them. Its reason names the one that helps.

export type ExitName = 'again' | 'accept-loss' | 'from' | 'stream' | 'new-stream';

export interface Exit {
  name: ExitName;
  title: string;
  says: string;
  /** What the reason of the state says where this exit helps. */
  flag: string | undefined;
}

export const EXITS: readonly Exit[] = [
  { name: 'again', title: 'Try again', says: 'Everything is kept.', flag: undefined },
  {
    name: 'accept-loss',
    title: 'Accept the loss',
    says: 'Goes on without the events that the stream has dropped; they count as lost. The state is kept.',
    flag: '--accept-loss',
  },
  {
    name: 'from',
    title: 'Read on from a place',
    says: 'Reads on from a sequence of the input stream, or from its first event. The state is kept; events that were processed before are processed again.',
    flag: '--from',
  },
  {
    name: 'stream',
    title: 'Read another stream',
    says: 'Reads this stream from now on. The state is kept.',
    flag: '--stream',
  },
  {
    name: 'new-stream',
    title: 'Begin again',
    says: 'Makes the stream of the pipeline anew. The state is lost.',
    flag: '--new-stream',
  },
];

/** The exit that a reason names; trying again where it names none. */
export function exitOf(reason: string): ExitName {
  const named = EXITS.filter(({ flag }) => flag !== undefined && new RegExp(`(^|\\s|\`)${flag}\\b`).test(reason));
  return named[0]?.name ?? 'again';
}

export interface Answers {
  from: string;
  stream: string;
}

/** What the API is asked for an exit. */
export function queryOf(exit: ExitName, said: Answers): Record<string, string> {
  const from = said.from.trim() === '' ? {} : { from: said.from.trim() };
  switch (exit) {
    case 'again':
      return {};
    case 'accept-loss':
      return { 'accept-loss': 'true' };
    case 'from':
      return { from: said.from.trim() || 'first' };
    case 'stream':
      return { stream: said.stream.trim(), ...from };
    case 'new-stream':
      return { 'new-stream': 'true' };
  }
}
