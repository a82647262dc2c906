// The scripts that the first screen loads: those of the page, and what they import at once.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const IMPORT = /(?:from|import)\s*["']\.\/([^"']+\.js)["']/g;

/** Paths below the site. */
export function firstScreen(site) {
  const page = readFileSync(join(site, 'index.html'), 'utf8');
  const open = [...page.matchAll(/\/console\/(assets\/[^"]+\.js)"/g)].map(([, path]) => path);
  const found = new Set(open);
  while (open.length > 0) {
    const text = readFileSync(join(site, open.pop()), 'utf8');
    for (const [, name] of text.matchAll(IMPORT)) {
      const path = `assets/${name}`;
      if (!found.has(path)) {
        found.add(path);
        open.push(path);
      }
    }
  }
  return found;
}
