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

/** Where an error was made: the innermost line of its stack that is the plugin's, in the plugin's own file. */
export function place(error) {
  const lines = String(error?.stack ?? "").split("\n").filter((line) => line !== "");
  return inItsFile(lines.find((line) => lineOf(line) > sdkEnds) ?? lines[0] ?? "");
}

/** The line of `process@bundle.js:12:3`. */
function lineOf(frame) {
  return Number(FRAME.exec(frame)?.[3] ?? 0);
}

/** The function, the file, the line and the column of a frame. */
const FRAME = /^(.*?)([^@\s(]*):(\d+):(\d+)\)?$/;

/** `process@src/plugin.js:12` of `process@bundle.js:475:15`. The build puts a function into the bundle that has the places. */
function inItsFile(frame) {
  const [, before, , line, column] = FRAME.exec(frame) ?? [];
  const places = typeof tailracePlaces === "function" && line !== undefined ? tailracePlaces() : undefined;
  const own = places?.lines.split("\n")[line - 1];
  if (!own) {
    return frame;
  }
  // Each is a column of the bundle from 0, a file and its line: the last one that begins there or before.
  const [file, at] = own
    .split(" ")
    .map((entry) => entry.split(":"))
    .filter(([begins], index) => index === 0 || Number(begins) < column)
    .at(-1)
    .slice(1);
  return `${before}${places.files[file]}:${at}`;
}
