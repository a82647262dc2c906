// Bundles a plugin and puts it with a JavaScript engine into a component. It runs in the folder of the tools, with one
// argument: what to build, as JSON.

import { writeFile } from "node:fs/promises";

import { componentize } from "@bytecodealliance/componentize-js";
import { build } from "esbuild";

const { folder, sdk, entry, bundle, wit, world, component } = JSON.parse(process.argv[1]);

try {
  await build({
    stdin: { contents: entry, resolveDir: folder, sourcefile: "entry.js" },
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
    logLevel: "error",
  });
} catch {
  // The bundler has said why.
  process.exit(1);
}
const made = await componentize({
  sourcePath: bundle,
  witPath: wit,
  worldName: world,
  // Each would import WASI.
  disableFeatures: ["random", "stdio", "clocks", "http", "fetch-event"],
});
await writeFile(component, made.component);
