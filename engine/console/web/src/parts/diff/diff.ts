// The difference of two texts, line by line: the longest common subsequence. Manifests have some hundred lines;
// beyond the bound the whole of both is shown, which is right and only longer.

/** Cells of the table, a few megabytes. */
const MOST_CELLS = 4_000_000;

export interface Line {
  kind: 'same' | 'gone' | 'new';
  text: string;
}

export function diff(before: string, after: string): Line[] {
  const a = before.split('\n');
  const b = after.split('\n');
  const width = b.length + 1;
  if ((a.length + 1) * width > MOST_CELLS) return [...lines(a, 'gone'), ...lines(b, 'new')];
  const common = table(a, b);
  const found: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i];
    const right = b[j];
    if (left !== undefined && left === right) {
      found.push({ kind: 'same', text: left });
      i += 1;
      j += 1;
    } else if (
      left !== undefined &&
      (right === undefined || at(common, i + 1, j, width) >= at(common, i, j + 1, width))
    ) {
      found.push({ kind: 'gone', text: left });
      i += 1;
    } else if (right !== undefined) {
      found.push({ kind: 'new', text: right });
      j += 1;
    }
  }
  return found;
}

/** Only the changes, with some lines round them; a gap is a line without text of kind `same`. */
export function changes(all: readonly Line[], round = 3): Line[] {
  const near = (index: number) =>
    all.slice(Math.max(0, index - round), index + round + 1).some(({ kind }) => kind !== 'same');
  const kept: Line[] = [];
  let gap = false;
  all.forEach((line, index) => {
    if (near(index)) kept.push(line);
    else if (!gap) kept.push({ kind: 'same', text: '…' });
    gap = !near(index);
  });
  return all.every(({ kind }) => kind === 'same') ? [] : kept;
}

/** For each pair of positions, how many lines are common behind them. */
function table(a: string[], b: string[]): Uint16Array {
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const more = a[i] === b[j] ? at(common, i + 1, j + 1, width) + 1 : 0;
      common[i * width + j] = Math.max(more, at(common, i + 1, j, width), at(common, i, j + 1, width));
    }
  }
  return common;
}

function at(cells: Uint16Array, i: number, j: number, width: number): number {
  return cells[i * width + j] ?? 0;
}

function lines(texts: string[], kind: Line['kind']): Line[] {
  return texts.map((text) => ({ kind, text }));
}
