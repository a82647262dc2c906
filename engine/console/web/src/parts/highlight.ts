// The tokens of a schema's text, so that names, values and comments are told apart. It reads tokens only: a text
// with mistakes is shown as it is.

export type Kind = 'plain' | 'name' | 'string' | 'number' | 'word' | 'comment';

export interface Token {
  kind: Kind;
  text: string;
}

/** Beyond this, marks cost more than they help. */
const MOST_MARKED = 60_000;
const TOKENS =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<string>"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)|(?<number>-?\b\d[\w.+-]*)|(?<word>[A-Za-z_][\w.]*)/g;
const JSON_WORDS = new Set(['true', 'false', 'null']);
const PROTOBUF_WORDS = new Set(
  (
    'syntax edition package import public weak option message enum service rpc returns stream oneof map repeated ' +
    'optional required reserved extensions extend group to max true false double float int32 int64 uint32 uint64 ' +
    'sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes'
  ).split(' '),
);

/** The tokens; together they are the text. */
export function tokensOf(text: string, language: 'json' | 'protobuf'): Token[] {
  if (text.length > MOST_MARKED) return [{ kind: 'plain', text }];
  const tokens: Token[] = [];
  let end = 0;
  for (const found of text.matchAll(TOKENS)) {
    const kind = kindOf(found, text, language);
    if (kind === 'plain') continue;
    if (found.index > end) tokens.push({ kind: 'plain', text: text.slice(end, found.index) });
    tokens.push({ kind, text: found[0] });
    end = found.index + found[0].length;
  }
  if (end < text.length) tokens.push({ kind: 'plain', text: text.slice(end) });
  return tokens;
}

function kindOf(found: RegExpExecArray, text: string, language: 'json' | 'protobuf'): Kind {
  const { comment, string, number } = found.groups ?? {};
  if (comment !== undefined) return language === 'protobuf' ? 'comment' : 'plain';
  if (string !== undefined) {
    const behind = text.slice(found.index + string.length);
    return language === 'json' && /^\s*:/.test(behind) ? 'name' : 'string';
  }
  if (number !== undefined) return 'number';
  return (language === 'json' ? JSON_WORDS : PROTOBUF_WORDS).has(found[0]) ? 'word' : 'plain';
}
