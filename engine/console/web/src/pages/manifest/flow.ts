// What a manifest describes, as a chain of boxes: subjects, steps, joins, windows, output. It is read from a text that may be half
// written, so whatever is missing or of another form is left out.
import { isMap, isScalar, isSeq, parseDocument, type Node, type YAMLMap } from 'yaml';
import type { Mistake } from './check';

export type BoxKind = 'subject' | 'step' | 'join' | 'window' | 'output';

export interface FlowBox {
  kind: BoxKind;
  name: string;
  /** A plugin, the name of an input and its schema, what a join puts together, the stretches of a window. */
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
  const boxes = [...subjects(root), ...steps(root), ...joins(root), ...windows(root), ...output(root)].map(
    (box) => ({
      ...box,
      mistakes: mistakes.filter(({ from }) => from >= box.from && from < Math.max(box.to, box.from + 1)),
    }),
  );
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
  const named = entriesOf(root, 'inputs').flatMap(({ key, value }) => subjectsOf(value, scalar(key)));
  return named.length > 0 ? named : subjectsOf(root.get('input'), '');
}

function subjectsOf(input: unknown, name: string): Bare[] {
  if (!isMap(input)) return [];
  const list = input.get('subjects');
  const says = [name, schemaOf(input)].filter((part) => part !== '').join(', ');
  return isSeq(list) ? list.items.map((item) => box('subject', scalar(item), says, item)) : [];
}

function steps(root: YAMLMap): Bare[] {
  return stepsOf(root).map((step) => {
    const grants = step.get('grants');
    const granted = isSeq(grants) ? grants.items.map(scalar) : [];
    return box('step', scalar(step.get('name', true)), scalar(step.get('plugin', true)), step, granted);
  });
}

/** They take what leaves the last step. */
function joins(root: YAMLMap): Bare[] {
  return entriesOf(root, 'joins').map(({ key, value }) => {
    const sides = isMap(value) ? ['left', 'right'].map((side) => scalar(value.get(side, true))) : [];
    const within = isMap(value) ? saidOf(value.get('within')) : '';
    const says = [sides.filter((side) => side !== '').join(' and '), within].filter((part) => part !== '');
    return { ...box('join', scalar(key), says.join(', '), value), from: placeOf(key)[0] };
  });
}

/** They take what leaves the last step too, or what a join has put together. */
function windows(root: YAMLMap): Bare[] {
  return entriesOf(root, 'windows').map(({ key, value }) => {
    const of = isMap(value) ? scalar(value.get('of', true)) : '';
    const over = isMap(value) ? saidOf(value.get('over')) : '';
    const says = [of === '' ? '' : `of ${of}`, over].filter((part) => part !== '');
    return { ...box('window', scalar(key), says.join(', '), value), from: placeOf(key)[0] };
  });
}

function entriesOf(root: YAMLMap, field: string): { key: unknown; value: unknown }[] {
  const said = root.get(field);
  return isMap(said) ? said.items : [];
}

/** The schema of payloads, as an input or an output names it. */
function schemaOf(of: YAMLMap): string {
  const schema = of.get('schema');
  if (!isMap(schema)) return '';
  const [name, version] = ['name', 'version'].map((field) => scalar(schema.get(field, true)));
  return name ? `schema ${name}${version ? ` ${version}` : ''}` : '';
}

/** A map of plain values on one line. */
function saidOf(map: unknown): string {
  return isMap(map) ? map.items.map(({ key, value }) => `${scalar(key)} ${scalar(value)}`).join(', ') : '';
}

function output(root: YAMLMap): Bare[] {
  const said = root.get('output');
  if (!isMap(said)) return [];
  return [box('output', scalar(said.get('subject', true)), schemaOf(said), said)];
}

function named(root: YAMLMap, field: string): Flow['beside'] {
  return entriesOf(root, field).map(({ key, value }) => {
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
