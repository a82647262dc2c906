// JSON over several lines, digit for digit: only blanks between tokens change. Parsing and writing it again would
// lose the digits of long integers and the first of two members of one name.

const INDENT = '  ';
/** Digits of a number that JavaScript holds exactly. */
const HELD_DIGITS = 15;

/** JSON in which each number that JavaScript would round is its text. To be shown, not to be sent back. */
export function parseKeepingDigits(text: string): unknown {
  const kept = text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') || digitsOf(token) <= HELD_DIGITS ? token : `"${token}"`,
  );
  return JSON.parse(kept);
}

function digitsOf(number: string): number {
  return number.replace(/[eE].*/, '').replace(/[^\d]/g, '').length;
}

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
