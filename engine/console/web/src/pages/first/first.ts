// What a first pipeline says, from what the tenant may read and write and which plugin it has.
import type { Tenant } from '../../api/shapes/tenant';

export interface First {
  name: string;
  reads: string;
  writes: string;
  /** Empty for a pipeline without steps. */
  plugin: string;
  /** JSON, or nothing. */
  config: string;
}

/** Configs of the plugins that come with the source, so that the first pipeline does something. */
const CONFIGS: Record<string, string> = {
  validator:
    '{ "schema": { "unknown": "keep", "fields": { "user": { "type": "text", "required": true }, "amount": { "type": "number", "min": 0 } } } }',
};

/** An event that such a pipeline takes. */
export const EVENT = '{ "user": "ada", "amount": 3 }';
/** One that the validator rejects. */
export const BAD_EVENT = '{ "user": "ada", "amount": -1 }';

export function configOf(plugin: string): string {
  return CONFIGS[plugin.split('@')[0] ?? ''] ?? '';
}

/** Subjects within the grants; a grant of everything below a name gets names of its own. */
export function subjectsOf({ read, write }: Pick<Tenant, 'read' | 'write'>): { reads: string; writes: string } {
  const within = (grant: string | undefined, own: string) => {
    if (!grant) return '';
    if (grant === '>') return own;
    return grant.endsWith('.>') ? `${grant.slice(0, -1)}${own}` : grant;
  };
  return { reads: within(read[0], 'events.>'), writes: within(write[0], 'results.{key}') };
}

/** A manifest. JSON texts are YAML too, so what somebody entered is a text and nothing else. */
export function manifestOf({ name, reads, writes, plugin, config }: First): string {
  const said = JSON.stringify;
  const lines = [
    `name: ${said(name)}`,
    'input:',
    `  subjects: [${said(reads)}]`,
    '  key: { json: /user }',
    ...(plugin === '' ? [] : ['steps:', '  - name: first', `    plugin: ${said(plugin)}`]),
    ...(plugin === '' || config.trim() === '' ? [] : [`    config: ${config.trim()}`]),
    'output:',
    `  subject: ${said(writes)}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** A subject that a pattern holds, to publish to. */
export function exampleOf(pattern: string): string {
  return pattern
    .split('.')
    .map((token) => (token === '*' || token === '>' ? 'example' : token))
    .join('.');
}

/** The command that publishes an event; quotes of a shell are closed, escaped and opened again. */
export function commandOf(subject: string, payload: string): string {
  const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  return `nats pub ${quoted(subject)} ${quoted(payload)}`;
}
