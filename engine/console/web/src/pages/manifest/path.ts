// Where the cursor is in a manifest, by its indentation: a manifest is incomplete while one types, so no parser
// would say.
import { ITEM } from './schema';

const LINE = /^( *)((?:- +)?)(?:([\w-]+) *:)?/;

/** The path of what is written at a column of the last line. */
export function pathAt(lines: readonly string[]): string[] {
  const path: string[] = [];
  const last = LINE.exec(lines.at(-1) ?? '');
  let limit = column(last);
  if (last?.[2]) {
    path.unshift(ITEM);
    limit = (last[1]?.length ?? 0) + 1;
  }
  for (const line of lines.slice(0, -1).reverse()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const found = LINE.exec(line);
    const key = found?.[3];
    const own = column(found);
    if (key && own < limit) {
      path.unshift(key);
      limit = own;
    }
    const dash = found?.[1]?.length ?? 0;
    if (found?.[2] && dash < limit) {
      path.unshift(ITEM);
      // A list may begin at the column of its own name.
      limit = dash + 1;
    }
  }
  return path;
}

function column(found: RegExpExecArray | null): number {
  return (found?.[1]?.length ?? 0) + (found?.[2]?.length ?? 0);
}
