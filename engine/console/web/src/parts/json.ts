// JSON over several lines, digit for digit: only blanks between tokens change. Parsing and writing it again would
// lose the digits of long integers and the first of two members of one name.

const INDENT = '  ';

/** A JSON text with one member a line; any other text as it is. */
export function pretty(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let shown = '';
  let depth = 0;
  tokens.forEach((token, index) => {
    const before = tokens[index - 1];
    const empty = (before === '{' && token === '}') || (before === '[' && token === ']');
    if (token === '}' || token === ']') {
      depth -= 1;
      shown += (empty ? '' : line(depth)) + token;
    } else {
      if (before === '{' || before === '[' || before === ',') shown += line(depth);
      shown += token === ':' ? ': ' : token;
      if (token === '{' || token === '[') depth += 1;
    }
  });
  return shown;
}

function line(depth: number): string {
  return `\n${INDENT.repeat(depth)}`;
}
