// What the tests need, and what to do where it is missing. `make console-test` provides all of it.
function needed(variable: string, what: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} must name ${what}; run \`make console-test\``);
  return value;
}

/** A folder with a console that is newer than the engine's, or nothing. */
export const SITE = () => process.env['CONSOLE_SITE'];
/** A folder for pictures of the pages, or nothing. */
export const PICTURES = () => process.env['CONSOLE_PICTURES'];
export const CHROMIUM = () => needed('CONSOLE_CHROMIUM', 'a Chromium');
export const ENGINE = () => needed('TAILRACE_BINARY', 'the program tailrace, built after `make console`');
export const NATS_SERVER = () => needed('TAILRACE_NATS_SERVER', 'a nats-server');
export const PLUGINS = () => needed('TAILRACE_PLUGINS', 'the folder with the example plugins');
