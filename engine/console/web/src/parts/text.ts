// Numbers and times as text. Every number has a fixed form, so that columns line up and nothing jumps.

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const STEPS: [number, string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

export function whole(count: number | undefined | null): string {
  return count === undefined || count === null ? '–' : WHOLE.format(count);
}

/** A number with what it counts. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

const DIGITS = 4;

/** A measured value: as many digits as say something, whatever its size. */
export function measured(value: number | undefined | null): string {
  if (value === undefined || value === null) return '–';
  return Math.abs(value) >= 10 ** DIGITS ? SHORT.format(value) : String(Number(value.toPrecision(DIGITS)));
}

/** Three digits or so: 1.2K. */
export function short(count: number | undefined | null): string {
  return count === undefined || count === null ? '–' : SHORT.format(count);
}

export function perSecond(rate: number | undefined): string {
  if (rate === undefined) return '–';
  return `${rate < 10 && rate > 0 ? rate.toFixed(1) : SHORT.format(rate)}/s`;
}

export function bytes(count: number | undefined | null): string {
  if (count === undefined || count === null) return '–';
  let left = count;
  let unit = 0;
  while (left >= 1024 && unit < UNITS.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return `${unit === 0 || left >= 100 ? left.toFixed(0) : left.toFixed(1)} ${UNITS[unit]}`;
}

export function micros(us: number | undefined | null): string {
  if (us === undefined || us === null) return '–';
  if (us < 1_000) return `${us.toFixed(0)} µs`;
  if (us < 1_000_000) return `${(us / 1_000).toFixed(us < 10_000 ? 1 : 0)} ms`;
  return `${(us / 1_000_000).toFixed(1)} s`;
}

export function ago(ms: number, nowMs: number): string {
  const seconds = Math.round((nowMs - ms) / 1000);
  const size = Math.abs(seconds);
  if (size < 5) return 'now';
  const [step, unit] = STEPS.find(([least]) => size >= least) ?? [1, 's'];
  const text = `${Math.floor(size / step)} ${unit}`;
  return seconds >= 0 ? `${text} ago` : `in ${text}`;
}

/** How long something lasts. */
export function span(ms: number): string {
  if (ms <= 0) return 'for ever';
  const seconds = Math.round(ms / 1000);
  const [step, unit] = STEPS.find(([least]) => seconds >= least) ?? [1, 's'];
  return `${Number((seconds / step).toFixed(1))} ${unit}`;
}

export function exact(ms: number): string {
  return iso(ms).replace('T', ' ').replace('.000Z', 'Z');
}

/** A stretch of time; what its two ends have in common is said once. */
export function stretch(fromMs: number, toMs: number): string {
  const [from, to] = [exact(fromMs), exact(toMs)];
  const day = 'yyyy-mm-dd '.length;
  const sameDay = from.slice(0, day) === to.slice(0, day) && from.endsWith('Z') && to.endsWith('Z');
  return sameDay ? `${from.slice(0, -1)} – ${to.slice(day)}` : `${from} – ${to}`;
}

/** A time for programs. An event may claim one that no calendar has: then it is its number. */
export function iso(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? `${ms} ms` : time.toISOString();
}

/** Control characters made visible: an escape sequence of a plugin is text here, whoever copies it. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (found) => {
    const code = found.codePointAt(0) ?? 0;
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
