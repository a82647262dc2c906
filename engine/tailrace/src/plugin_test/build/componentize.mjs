// Bundles a plugin and puts it with a JavaScript engine into a component. It runs in the folder of the tools, with one
// argument: what to build, as JSON.

import { appendFile, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, relative, resolve, sep } from "node:path";

import { componentize } from "@bytecodealliance/componentize-js";
import { build } from "esbuild";

const { folder, sdk, entry, bundle, wit, world, component } = JSON.parse(process.argv[1]);

// No file of a plugin is called so.
const ENTRY = "tailrace-entry.js";

try {
  await build({
    stdin: { contents: entry, resolveDir: folder, sourcefile: ENTRY },
    absWorkingDir: folder,
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    external: ["tailrace:*"],
    // A project that needs no other package is built without `npm install`.
    alias: { tailrace: sdk },
    outfile: bundle,
    sourcemap: "external",
    sourcesContent: false,
    logLevel: "error",
  });
} catch {
  // The bundler has said why.
  process.exit(1);
}
const map = `${bundle}.map`;
await appendFile(bundle, placesOf(JSON.parse(await readFile(map, "utf8"))));
await rm(map);
const made = await componentize({
  sourcePath: bundle,
  witPath: wit,
  worldName: world,
  // Each would import WASI.
  disableFeatures: ["random", "stdio", "clocks", "http", "fetch-event"],
});
await writeFile(component, made.component);

// A function of the bundle that tells where each of its lines comes from: the SDK names the plugin's own file and line with
// it. Functions are there before the first line runs. Lines of the SDK have no place.
function placesOf({ sources, mappings }) {
  const files = [];
  const numbers = sources.map((source) => {
    const path = resolve(dirname(bundle), source);
    const isOwn = !path.startsWith(resolve(sdk) + sep) && path !== resolve(folder, ENTRY);
    return isOwn ? files.push(relative(folder, path).replaceAll(sep, "/")) - 1 : undefined;
  });
  let [source, line] = [0, 0];
  const lines = mappings.split(";").map((segments) => {
    const found = [];
    let column = 0;
    for (const segment of segments.split(",").filter((segment) => segment !== "")) {
      const [columns, sourceBy, lineBy] = numbersOf(segment);
      column += columns;
      if (sourceBy === undefined) {
        continue;
      }
      source += sourceBy;
      line += lineBy;
      const place = `${numbers[source]}:${line + 1}`;
      if (numbers[source] !== undefined && !found.at(-1)?.endsWith(`:${place}`)) {
        found.push(`${column}:${place}`);
      }
    }
    return found.join(" ");
  });
  const places = JSON.stringify({ files, lines: lines.join("\n") });
  return `\nfunction tailracePlaces() {\n  return ${places};\n}\n`;
}

// The numbers of a segment of a source map: base64 of five bits each, the lowest first, and the lowest of all is the sign.
function numbersOf(segment) {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const numbers = [];
  let [number, shift] = [0, 0];
  for (const letter of segment) {
    const digit = digits.indexOf(letter);
    number |= (digit & 31) << shift;
    shift += 5;
    if (digit < 32) {
      numbers.push(number & 1 ? -(number >> 1) : number >> 1);
      [number, shift] = [0, 0];
    }
  }
  return numbers;
}
