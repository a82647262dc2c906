// What the tests need, and what to do where it is missing. `make console-test` provides all of it.
function needed(variable: string, what: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} must name ${what}; run \`make console-test\``);
  return value;
}

export const CHROMIUM = () => needed('CONSOLE_CHROMIUM', 'a Chromium');
export const ENGINE = () => needed('TAILRACE_BINARY', 'the program tailrace, built after `make console`');
export const NATS_SERVER = () => needed('TAILRACE_NATS_SERVER', 'a nats-server');
export const PLUGINS = () => needed('TAILRACE_PLUGINS', 'the folder with the example plugins');
