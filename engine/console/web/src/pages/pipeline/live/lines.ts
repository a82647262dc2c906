// Which lines of a log are wanted.
import type { LogLine } from '../../../api/shapes/live';

/** From the least to the most severe. */
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export interface LineWish {
  step: string;
  /** The least level. */
  level: string;
  text: string;
}

export function wanted(line: Pick<LogLine, 'step' | 'level' | 'text'>, wish: LineWish): boolean {
  if (wish.step !== '' && line.step !== wish.step) return false;
  if (rank(line.level) < rank(wish.level)) return false;
  return line.text.toLowerCase().includes(wish.text.trim().toLowerCase());
}

/** A level that nobody knows is shown: it may matter. */
function rank(level: string): number {
  if (level === '') return -1;
  const found = LEVELS.findIndex((known) => known === level);
  return found < 0 ? LEVELS.length : found;
}
