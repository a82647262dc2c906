// A real engine with a nats-server of its own: `tailrace dev` in a folder that goes with it.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { eventually, PATIENCE_MS } from './conditions';
import { Front } from './front';
import { publish } from './nats';
import { ENGINE, NATS_SERVER, PLUGINS, SITE } from './needs';

const MOST_TRIES = 3;

export class Engine {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tailrace-console-'));
  #process: ChildProcess | undefined;
  #ports = { api: 0, nats: 0 };
  #front: Front | undefined;
  token = '';
  operator = '';

  /** To be started behind the browser: one that does not start leaves no engine behind. */
  static async start(): Promise<Engine> {
    const engine = new Engine();
    try {
      await engine.#runSomewhere();
      const site = SITE();
      if (site) engine.#front = await Front.open(site, engine.url);
    } catch (cause) {
      // Nobody else knows it yet.
      await engine.end();
      throw cause;
    }
    return engine;
  }

  /** A port that was free may be taken by another test before the engine has it: then it ends, and others are taken. */
  async #runSomewhere(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      this.#ports = { api: await freePort(), nats: await freePort() };
      try {
        await this.run();
        return;
      } catch (cause) {
        if (tries === MOST_TRIES) throw cause;
        await this.stop();
      }
    }
  }

  get url(): string {
    return this.#front?.url ?? `http://127.0.0.1:${this.#ports.api}`;
  }

  /** Runs it, again after `stop`; its data and its addresses stay. */
  async run(): Promise<void> {
    const { api, nats } = this.#ports;
    const flags = ['dev', '--listen', `127.0.0.1:${api}`, '--nats-port', String(nats), '--data', this.#folder];
    const environment = { ...process.env, TAILRACE_NATS_SERVER: NATS_SERVER() };
    const child = spawn(ENGINE(), flags, { env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
    this.#process = child;
    let told = '';
    child.stdout.on('data', (data: Buffer) => (told += data.toString()));
    const ended = new Promise<never>((_, reject) => {
      child.once('exit', () => reject(new Error(`the engine ended: ${told}`)));
    });
    const ready = this.#ready(() => told);
    // Whichever is later is nobody's failure: from now on the engine may end, as tests wish.
    for (const either of [ended, ready]) either.catch(() => undefined);
    await Promise.race([ended, ready]);
  }

  async #ready(told: () => string): Promise<void> {
    await eventually('the engine tells its tokens', async () => {
      this.token = /TAILRACE_TOKEN=(\S+)/.exec(told())?.[1] ?? '';
      this.operator = /operator\s+(\S+)/.exec(told())?.[1] ?? '';
      return this.token && this.operator ? true : undefined;
    });
    await eventually('the engine is ready', async () =>
      (await fetch(`${this.url}/readyz`)).ok ? true : undefined,
    );
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    const impatience = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    await ended;
    clearTimeout(impatience);
  }

  async end(): Promise<void> {
    await this.stop();
    this.#front?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Asks the API for tenant `dev`, as a preparation. */
  ask(method: string, path: string, body?: BodyInit, type?: string): Promise<Response> {
    return this.askAs(this.token, method, `/v1/tenants/dev${path}`, body, type);
  }

  /** Asks with any token. */
  async askAs(
    token: string,
    method: string,
    path: string,
    body?: BodyInit,
    type = 'application/json',
  ): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': type };
    const response = await fetch(`${this.url}${path}`, { method, headers, body: body ?? null });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  /** Uploads a plugin that the build made, or one of the examples for tests. */
  async push(plugin: string): Promise<void> {
    const bytes = readFileSync(join(PLUGINS(), `${plugin.replaceAll('-', '_')}.wasm`));
    await this.ask('PUT', `/plugins/${basename(plugin)}/versions/1.0.0`, bytes, 'application/wasm');
  }

  async apply(manifest: string): Promise<void> {
    const name = /^name: (\S+)$/m.exec(manifest)?.[1] ?? '';
    await this.ask('PUT', `/pipelines/${name}`, manifest, 'application/yaml');
    await eventually(`${name} runs`, async () =>
      (await this.status(name))['state'] === 'running' ? true : undefined,
    );
  }

  async status(pipeline: string): Promise<Record<string, unknown>> {
    return (await (await this.ask('GET', `/pipelines/${pipeline}/status`)).json()) as Record<string, unknown>;
  }

  /** Events that an engine has taken to their end. */
  async processed(pipeline: string): Promise<number> {
    const { stats } = (await this.status(pipeline)) as { stats: { counts: { events: number } } };
    return stats.counts.events;
  }

  publish(subject: string, events: unknown[]): Promise<void> {
    const payloads = events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event)));
    return publish(this.#ports.nats, subject, payloads);
  }

  /** A token of the tenant. */
  async newToken(scope: string, expiresIn?: string): Promise<{ token: string; id: string }> {
    const wish = { scope, ...(expiresIn ? { 'expires-in': expiresIn } : {}) };
    const made = await this.ask('POST', '/tokens', JSON.stringify(wish));
    return (await made.json()) as { token: string; id: string };
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
