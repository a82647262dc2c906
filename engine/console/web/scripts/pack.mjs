// After `vite build`: compresses each file, holds the budget, and lists all files in files.tsv, from which the
// crate's build script makes its table.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { firstScreen } from './first-screen.mjs';

const SITE = new URL('../../built/site/', import.meta.url).pathname;
/** Compressed JavaScript of the first screen, and everything that a browser may ever load. */
const BUDGET = { firstScreen: 150_000, all: 500_000 };
/** Below this, the headers weigh more than what compression takes away. */
const WORTH_COMPRESSING = 512;
const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

function files(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}

/** One line of files.tsv, with the encodings that were written beside the file. */
function pack(file) {
  const bytes = readFileSync(file);
  const path = relative(SITE, file);
  const type = TYPES[extname(file)];
  if (!type) throw new Error(`${path}: name its media type in scripts/pack.mjs`);
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  const encodings = [];
  if (bytes.length >= WORTH_COMPRESSING && brotli.length < bytes.length) {
    writeFileSync(`${file}.br`, brotli);
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
    encodings.push('br', 'gz');
  }
  const digest = createHash('sha256').update(bytes).digest('hex');
  const hashed = path.startsWith('assets/') ? 'hashed' : 'named';
  const sent = encodings.length > 0 ? brotli.length : bytes.length;
  return { path, sent, line: [path, type, digest, hashed, encodings.join(',')].join('\t') };
}

const packed = files(SITE).sort().map(pack);
writeFileSync(join(SITE, 'files.tsv'), packed.map(({ line }) => `${line}\n`).join(''));

const first = firstScreen(SITE);
const sum = (some) => some.reduce((bytes, { sent }) => bytes + sent, 0);
const sizes = { firstScreen: sum(packed.filter(({ path }) => first.has(path))), all: sum(packed) };
for (const [what, most] of Object.entries(BUDGET)) {
  process.stdout.write(`${what}: ${sizes[what]} bytes compressed of ${most}\n`);
  if (sizes[what] > most) throw new Error(`${what} is above its budget: load something later, or leave it out`);
}
