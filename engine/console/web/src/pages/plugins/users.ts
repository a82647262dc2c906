// Which pipelines use a plugin version, as the graph of steps tells.
import type { Graph } from '../../api/shapes/graph';

/** Pipelines by `plugin@version`. */
export function usersOf(graph: Graph): Map<string, string[]> {
  const users = new Map<string, string[]>();
  for (const { kind, pipeline, plugin, version } of graph.nodes) {
    if (kind !== 'step' || !pipeline || !plugin || !version) continue;
    const key = `${plugin}@${version}`;
    const known = users.get(key) ?? [];
    if (!known.includes(pipeline)) users.set(key, [...known, pipeline]);
  }
  return users;
}

/** What a file is likely to be called as a plugin. */
export function nameOf(file: string): string {
  const name = file.replace(/\.wasm$/, '').toLowerCase();
  return name
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 32);
}
