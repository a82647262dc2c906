// The quotas and grants of a tenant as an operator writes them.
import { Problem } from '../../api/problem';
import type { Rate, Tenant } from '../../api/shapes/tenant';

const UNITS = ['', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const STEP = 1024;
const USUAL_WINDOW = 'sliding';
/** Rates that a tenant may have, beside each other. */
const RATES = ['events', 'outputs', 'output-bytes', 'fuel'] as const;

export interface Wish {
  /** Patterns, parted by blanks. */
  read: string;
  write: string;
  quotas: Record<string, string>;
  /** Empty where there is none. */
  rates: Record<string, string>;
}

/** As an operator writes what a tenant has. */
export function wishOf({ read, write, quotas }: Tenant): Wish {
  const numbers = Object.entries(quotas).flatMap(([name, most]) =>
    typeof most === 'number' ? [[name, name.endsWith('bytes') ? sizeText(most) : String(most)] as const] : [],
  );
  const rates = (quotas['rates'] ?? {}) as Record<string, Rate>;
  const names = [...new Set([...RATES, ...Object.keys(rates)])];
  return {
    read: read.join(' '),
    write: write.join(' '),
    quotas: Object.fromEntries(numbers),
    rates: Object.fromEntries(names.map((name) => [name, rates[name] ? rateText(rates[name]) : ''])),
  };
}

/** As the API takes it. */
export function bodyOf({ read, write, quotas, rates }: Wish): Record<string, unknown> {
  const numbers = Object.entries(quotas).map(([name, text]) => [name, numberOf(name, text)] as const);
  const limits = Object.entries(rates).flatMap(([name, text]) =>
    text.trim() === '' ? [] : [[name, rateOf(name, text)] as const],
  );
  return {
    read: patternsOf(read),
    write: patternsOf(write),
    quotas: { ...Object.fromEntries(numbers), rates: Object.fromEntries(limits) },
  };
}

/** A rate as one writes it: `100 per 1s`. */
export function rateText({ limit, per, window }: Rate): string {
  return `${limit} per ${per}${window && window !== USUAL_WINDOW ? ` ${window}` : ''}`;
}

function rateOf(name: string, text: string): Rate {
  const [, limit, per, window] = /^(\S+) per (\S+)(?: (\S+))?$/.exec(text.trim()) ?? [];
  if (!limit || !per) {
    const detail = `${name}: ${JSON.stringify(text)} is no rate; write 100 per 1s`;
    throw new Problem({ status: 0, code: 'console', detail, field: name });
  }
  return { limit: /^\d+$/.test(limit) ? Number(limit) : limit, per, ...(window ? { window } : {}) };
}

export function patternsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((pattern) => pattern !== '');
}

/** In the largest unit that it is a whole number of. */
function sizeText(bytes: number): string {
  let [left, unit] = [bytes, 0];
  while (left > 0 && left % STEP === 0 && unit < UNITS.length - 1) {
    left /= STEP;
    unit += 1;
  }
  return `${left}${UNITS[unit]}`;
}

function numberOf(name: string, text: string): number {
  const [, number, unit = ''] = /^(\d+)\s*([KMGT]iB)?$/.exec(text.trim()) ?? [];
  if (number === undefined) {
    const detail = `${name}: ${JSON.stringify(text)} is no number; write 1000 or 4GiB`;
    throw new Problem({ status: 0, code: 'console', detail, field: name });
  }
  return Number(number) * STEP ** UNITS.findIndex((one) => one === unit);
}
