// The engine around a plugin: in WebAssembly its imports, in a test a TestHost. One is installed at a time.

let installed;

/** Puts a port in place and gives the one from before. */
export function install(port) {
  const before = installed;
  installed = port;
  return before;
}

/** An interface of the port in place. */
export function port(name) {
  if (installed === undefined) {
    throw new Error("there is no engine here; call the plugin through TestHost of tailrace/testing");
  }
  const found = installed[name];
  if (found === undefined) {
    throw new Error(
      `${name} needs its grant: add "${name}" to tailrace.grants in package.json, and to the grants of the step`,
    );
  }
  return found;
}
