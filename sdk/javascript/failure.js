// The two ways in which an event can fail on purpose. Any other error ends the instance with a trap.

/** The event itself is at fault. */
export class Reject extends Error {
  constructor(code, reason) {
    super(`${code}: ${reason}`);
    this.name = "Reject";
    this.code = code;
    this.reason = reason;
  }
}

/** The event is retried under the step's `on-error` policy. */
export class Retry extends Error {
  constructor(reason) {
    super(reason);
    this.name = "Retry";
    this.reason = reason;
  }
}

/** The last line of the SDK in a bundle, whose modules come first; 0 where each module has a file of its own. */
let sdkEnds = 0;

/** Everything up to the line that calls this is the SDK's. */
export function markEnd() {
  sdkEnds = lineOf(new Error().stack.split("\n")[1] ?? "");
}

/** Where an error was made: the innermost line of its stack that is the plugin's. */
export function place(error) {
  const lines = String(error?.stack ?? "").split("\n").filter((line) => line !== "");
  return lines.find((line) => lineOf(line) > sdkEnds) ?? lines[0] ?? "";
}

/** The line of `process@bundle.js:12:3`. */
function lineOf(frame) {
  return Number(/:(\d+):\d+\)?$/.exec(frame)?.[1] ?? 0);
}
