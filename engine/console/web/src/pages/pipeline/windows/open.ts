// What is open of a window: its stretches of event time, and when each is over. The watermark ends a window, so
// how long one still lasts is told in event time.
import type { DeclaredWindow, OpenWindow } from '../../../api/shapes/window';
import { measured, span } from '../../../parts/text';
import { millisOf } from '../../../time/duration';

/** An entry with its times in milliseconds. */
export interface Row {
  open: OpenWindow;
  id: string;
  from: number;
  to: number;
  /** The watermark at which nothing of it is needed any more. */
  over: number;
  /** The values of its group, in the order of the columns. */
  group: unknown[];
}

/** A stretch of event time with all its groups. */
export interface Stretch {
  from: number;
  to: number;
  groups: number;
  events: number;
}

/** How a manifest's windows lie, in words. */
export function kindOf({ over, by, of }: DeclaredWindow): string {
  const names = by ? Object.keys(by) : ['key'];
  const grouped = names.length === 0 ? 'all events together' : `by ${names.join(' and ')}`;
  const whose = of ? [`of ${of}`] : [];
  return [stretchesIn(over), ...whose, grouped].join(', ');
}

function stretchesIn(over: DeclaredWindow['over']): string {
  if (over.session) return `sessions with a gap of ${over.session}`;
  if (over.hopping) return `${over.hopping} long, one every ${over.every ?? '?'}`;
  return `${over.tumbling ?? '?'} long, one after the other`;
}

/** Names of the members that tell the group of a result. */
export function groupNames({ by }: DeclaredWindow): string[] {
  return by ? Object.keys(by).sort() : ['key'];
}

/** Entries with their times and groups. */
export function rowsOf(windows: readonly OpenWindow[], declared: DeclaredWindow): Row[] {
  const names = groupNames(declared);
  const grace = millisOf(declared.grace ?? '');
  const hopping = millisOf(declared.over.hopping ?? '');
  return windows.map((open) => {
    const from = momentOf(open.result['start']);
    const to = momentOf(open.result['end']);
    const group = names.map((name) => open.result[name]);
    // A step is a part of several windows; the last of them begins with it.
    const over = (hopping > 0 ? from + hopping : to) + grace;
    return { open, id: JSON.stringify([open.partition, from, group]), from, to, over, group };
  });
}

/** The stretches that end first; `most` of them. Those of hopping windows are put together of their steps. */
export function stretchesOf(
  rows: readonly Row[],
  declared: DeclaredWindow,
  watermark: number,
  most: number,
): { shown: Stretch[]; more: number } {
  const length = millisOf(declared.over.hopping ?? '');
  const all =
    length > 0
      ? hops(rows, length, millisOf(declared.over.every ?? ''), millisOf(declared.grace ?? ''), watermark)
      : own(rows);
  all.sort((one, other) => one.to - other.to || one.from - other.from);
  return {
    shown: all.slice(0, most).map((stretch) => filled(rows, stretch)),
    more: Math.max(0, all.length - most),
  };
}

type Bounds = Pick<Stretch, 'from' | 'to'>;

function own(rows: readonly Row[]): Bounds[] {
  return [...new Map(rows.map(({ from, to }) => [`${from} ${to}`, { from, to }])).values()];
}

/** The windows that hold one of the steps and are not over. */
function hops(rows: readonly Row[], length: number, every: number, grace: number, watermark: number): Bounds[] {
  if (every <= 0) return [];
  const starts = new Set<number>();
  for (const step of new Set(rows.map(({ from }) => from))) {
    for (let from = step; from > step - length && from + length + grace > watermark; from -= every)
      starts.add(from);
  }
  return [...starts].map((from) => ({ from, to: from + length }));
}

function filled(rows: readonly Row[], { from, to }: Bounds): Stretch {
  const within = rows.filter((row) => row.from >= from && row.to <= to);
  return {
    from,
    to,
    groups: new Set(within.map(({ open, group }) => JSON.stringify([open.partition, group]))).size,
    events: within.reduce((sum, { open }) => sum + open.events, 0),
  };
}

/** How long until the watermark is there. */
export function leftOf(over: number, watermark: number): string {
  if (watermark <= 0) return '–';
  return over > watermark ? `in ${span(over - watermark)}` : 'with the next event';
}

/** When the result of a window leaves: a window with corrections waits no grace for its first one. */
export function toldAt(to: number, { late, grace }: DeclaredWindow): number {
  return late === 'correct' ? to : to + millisOf(grace ?? '');
}

/** A group as the API takes it: its only value if that is a text, else a list of all. */
export function groupParameter(group: readonly unknown[]): string {
  const [only] = group;
  const plain = group.length === 1 && typeof only === 'string' && !only.trimStart().startsWith('[');
  return plain ? only : JSON.stringify(group);
}

/** An aggregate on one line. */
export function told(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (Array.isArray(value)) return value.map(told).join(', ');
  if (typeof value !== 'object') return String(value);
  const { item, count, value: main, ...others } = value as Record<string, unknown>;
  if (item !== undefined && count !== undefined) return `${told(item)} ${told(count)}`;
  // A name that is a number is that of a quantile, which is an estimate. One of many digits came as its text.
  const shown = (name: string, one: unknown) =>
    (typeof one === 'number' || typeof one === 'string') && !Number.isNaN(Number(name))
      ? measured(Number(one))
      : told(one);
  const rest = Object.entries(others).map(([name, one]) => `${name}: ${shown(name, one)}`);
  return [...(main === undefined ? [] : [told(main)]), ...rest].join(', ');
}

/** A time that no calendar has is its number. */
function momentOf(time: unknown): number {
  return typeof time === 'string' && Number.isNaN(Number(time)) ? Date.parse(time) : Number(time);
}

/** A text as a shell takes it. */
export function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
