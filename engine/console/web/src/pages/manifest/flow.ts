// What a manifest describes, as a chain of boxes: subjects, steps, windows, output. It is read from a text that may be half
// written, so whatever is missing or of another form is left out.
import { isMap, isScalar, isSeq, parseDocument, type Node, type YAMLMap } from 'yaml';
import type { Mistake } from './check';

export type BoxKind = 'subject' | 'step' | 'window' | 'output';

export interface FlowBox {
  kind: BoxKind;
  name: string;
  /** A plugin, the stretches of a window. */
  says: string;
  /** What a step may use. */
  grants: string[];
  from: number;
  to: number;
  mistakes: Mistake[];
}

export interface Flow {
  boxes: FlowBox[];
  /** Sketches, vectors and alarms, each with its place. */
  beside: { kind: string; name: string; from: number }[];
}

export function flowOf(text: string, mistakes: readonly Mistake[] = []): Flow {
  const root = parseDocument(text, { prettyErrors: false }).contents;
  if (!isMap(root)) return { boxes: [], beside: [] };
  const boxes = [...subjects(root), ...steps(root), ...windows(root), ...output(root)].map((box) => ({
    ...box,
    mistakes: mistakes.filter(({ from }) => from >= box.from && from < Math.max(box.to, box.from + 1)),
  }));
  return { boxes, beside: [...named(root, 'sketches'), ...named(root, 'vectors'), ...alarms(root)] };
}

/** Plugin versions that the steps name and that nobody has uploaded, at their places. */
export function unknownPlugins(text: string, known: ReadonlySet<string>): Mistake[] {
  const root = parseDocument(text, { prettyErrors: false }).contents;
  if (!isMap(root)) return [];
  return stepsOf(root).flatMap((step) => {
    const plugin = step.get('plugin', true);
    const name = scalar(plugin);
    if (!plugin || name === '' || known.has(name)) return [];
    const [from, to] = placeOf(plugin);
    return [{ from, to, message: `no plugin ${name} was uploaded` }];
  });
}

type Bare = Omit<FlowBox, 'mistakes'>;

function subjects(root: YAMLMap): Bare[] {
  const input = root.get('input');
  const list = isMap(input) ? input.get('subjects') : undefined;
  if (!isSeq(list)) return [];
  return list.items.map((item) => box('subject', scalar(item), '', item));
}

function steps(root: YAMLMap): Bare[] {
  return stepsOf(root).map((step) => {
    const grants = step.get('grants');
    const granted = isSeq(grants) ? grants.items.map(scalar) : [];
    return box('step', scalar(step.get('name', true)), scalar(step.get('plugin', true)), step, granted);
  });
}

/** They take what leaves the last step. */
function windows(root: YAMLMap): Bare[] {
  const said = root.get('windows');
  if (!isMap(said)) return [];
  return said.items.map(({ key, value }) => {
    const over = isMap(value) ? value.get('over') : undefined;
    const stretches = isMap(over) ? over.items.map((one) => `${scalar(one.key)} ${scalar(one.value)}`) : [];
    return { ...box('window', scalar(key), stretches.join(', '), value), from: placeOf(key)[0] };
  });
}

function output(root: YAMLMap): Bare[] {
  const said = root.get('output');
  if (!isMap(said)) return [];
  return [box('output', scalar(said.get('subject', true)), '', said)];
}

function named(root: YAMLMap, field: string): Flow['beside'] {
  const said = root.get(field);
  if (!isMap(said)) return [];
  return said.items.map(({ key, value }) => {
    const kind = isMap(value) ? scalar(value.get('kind', true)) : '';
    return { kind: kind || field, name: scalar(key), from: placeOf(key)[0] };
  });
}

function alarms(root: YAMLMap): Flow['beside'] {
  const said = root.get('alarms');
  const items = isSeq(said) ? said.items.filter((item) => isMap(item)) : [];
  return items.map((alarm) => ({ kind: 'alarm', name: scalar(alarm.get('name', true)), from: placeOf(alarm)[0] }));
}

function stepsOf(root: YAMLMap): YAMLMap[] {
  const said = root.get('steps');
  return isSeq(said) ? said.items.filter((item) => isMap(item)) : [];
}

function box(kind: BoxKind, name: string, says: string, node: unknown, grants: string[] = []): Bare {
  const [from, to] = placeOf(node);
  return { kind, name, says, grants, from, to };
}

function scalar(node: unknown): string {
  return isScalar(node) && node.value !== null ? String(node.value) : '';
}

function placeOf(node: unknown): [from: number, to: number] {
  const range = (node as Node | undefined)?.range;
  return range ? [range[0], range[1]] : [0, 0];
}
