// What a stream takes in of others, as one writes it: `SHOP=shop.events.>`, parted by blanks.
import { Problem } from '../../api/problem';
import { patternsOf } from './quotas';

export interface Source {
  stream: string;
  subject: string;
}

export function sourcesOf(text: string): Source[] {
  return patternsOf(text).map((one) => {
    const [, stream, subject] = /^([^=]+)=(.+)$/.exec(one) ?? [];
    if (stream && subject) return { stream, subject };
    const detail = `${JSON.stringify(one)} is no source; write it as SHOP=shop.events.>`;
    throw new Problem({ status: 0, code: 'console', detail });
  });
}
