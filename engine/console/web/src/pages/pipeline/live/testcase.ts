// An event as a line of a file for `tailrace plugin test --envelopes`.
import type { Sample } from '../../../api/shapes/live';

/** What stands where bytes were no UTF-8. */
const REPLACED = '\ufffd';

/** Nothing where the sample does not hold the whole event as it was. */
export function testCaseOf({ subject, before }: Pick<Sample, 'subject' | 'before'>): string | undefined {
  if (before.cut || before.text.includes(REPLACED)) return undefined;
  const said = JSON.stringify;
  return `{"subject":${said(subject)},${payload(before.text)}}`;
}

/** JSON goes on one line as it is written, so that no digit is lost. Strings of JSON hold no line breaks. */
function payload(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return `"text":${JSON.stringify(text)}`;
  }
  return `"payload":${text.replace(/[\r\n]/g, ' ')}`;
}
