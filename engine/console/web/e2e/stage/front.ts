// What was just built, in front of an engine that holds an older console: its files, with the crate's headers and
// its answer to an unknown path. Everything else is the engine's. Only for those who change the console; a test
// without `CONSOLE_SITE` asks the engine itself.
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const HEADERS = new URL('../../../src/headers.rs', import.meta.url);

interface Sent {
  bytes: Buffer;
  type: string;
}

export class Front {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(site: string, engine: string): Promise<Front> {
    const files = read(site);
    const policy = policyOf(readFileSync(HEADERS, 'utf8'));
    const server = createServer((asked, answer) => {
      if (!serve(files, policy, asked, answer)) pass(engine, asked, answer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Front(server);
  }

  get url(): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || !address) throw new Error('the front has no address');
    return `http://127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function read(site: string): Map<string, Sent> {
  const lines = readFileSync(join(site, 'files.tsv'), 'utf8').trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [path = '', type = ''] = line.split('\t');
      return [path, { bytes: readFileSync(join(site, path)), type }];
    }),
  );
}

function policyOf(rust: string): string {
  const found = /POLICY: &str = "([^"]+)"/.exec(rust)?.[1];
  if (!found) throw new Error('headers.rs has no policy');
  return found.replace(/\\\s+/g, '');
}

function serve(files: Map<string, Sent>, policy: string, asked: IncomingMessage, answer: ServerResponse): boolean {
  const path = new URL(asked.url ?? '/', 'http://localhost').pathname;
  if (path !== '/console' && !path.startsWith('/console/')) return false;
  const below = decodeURI(path.slice('/console/'.length));
  const file = files.get(below) ?? (below.startsWith('assets/') ? undefined : files.get('index.html'));
  answer.setHeader('content-security-policy', policy);
  if (file) answer.setHeader('content-type', file.type);
  else answer.statusCode = 404;
  answer.end(file?.bytes);
  return true;
}

/** An engine that is away is away for the browser too. */
function pass(engine: string, asked: IncomingMessage, answer: ServerResponse): void {
  const { method, headers } = asked;
  const onward = request(new URL(asked.url ?? '/', engine), { method, headers }, (got) => {
    answer.writeHead(got.statusCode ?? 502, got.headers);
    got.on('error', () => answer.destroy());
    got.pipe(answer);
  });
  onward.on('error', () => answer.destroy());
  answer.on('close', () => onward.destroy());
  asked.pipe(onward);
}
