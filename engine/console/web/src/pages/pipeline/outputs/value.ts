// The value of a result as a text.
import type { Output } from '../../../api/shapes/event';

/** A JSON value on one line or over several; any other as it is. */
export function textOf({ encoding, value }: Pick<Output, 'encoding' | 'value'>, indent = 0): string {
  return encoding === 'json' ? JSON.stringify(value, null, indent) : String(value);
}
