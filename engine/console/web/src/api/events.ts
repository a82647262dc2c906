// Server-sent events over `fetch`, because `EventSource` sends no `Authorization` header.

export interface ServerEvent {
  name: string;
  data: string;
}

/** The longest event that is waited for: several times the engine's largest sample. */
const MOST_BUFFERED = 4_000_000;

/** Cuts a stream of text into events, wherever its pieces end. */
export class EventParser {
  #buffer = '';

  /** The events that this piece completes. */
  take(piece: string): ServerEvent[] {
    this.#buffer += piece.replaceAll('\r\n', '\n');
    if (this.#buffer.length > MOST_BUFFERED) throw new Error('an event of the stream is too long');
    const blocks = this.#buffer.split('\n\n');
    this.#buffer = blocks.pop() ?? '';
    return blocks.map(eventOf).filter((event) => event !== undefined);
  }
}

function eventOf(block: string): ServerEvent | undefined {
  let name = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const value = (field: string) => line.slice(field.length + 1).replace(/^ /, '');
    if (line.startsWith('event:')) name = value('event');
    else if (line.startsWith('data:')) data.push(value('data'));
  }
  return data.length > 0 ? { name, data: data.join('\n') } : undefined;
}

/** Reads events until the stream ends or `signal` says so. */
export async function readEvents(
  response: Response,
  signal: AbortSignal,
  each: (event: ServerEvent) => void,
): Promise<void> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  while (reader && !signal.aborted) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const event of parser.take(decoder.decode(value, { stream: true }))) each(event);
  }
}
