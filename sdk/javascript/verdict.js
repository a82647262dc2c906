// What `process` and `onTimer` return, in its plain form.

import { Message } from "./event.js";

export const FORWARD = Symbol("forward");
export const DROP = Symbol("drop");

/** A verdict, or a list of messages. Anything else is a mistake of the plugin, named as such. */
export function messages(result) {
  if (result === FORWARD || result === DROP) {
    return result;
  }
  return listed(result) ?? mistaken("process", result, "emit(…), a list of such, FORWARD or DROP");
}

/** The messages that `onTimer` returned. A timer is no event that could go on. */
export function woken(result) {
  if (result === DROP) {
    return [];
  }
  return listed(result) ?? mistaken("onTimer", result, "emit(…), a list of such, or DROP");
}

function listed(result) {
  const found = Array.isArray(result) ? result : [result];
  return found.every((message) => message instanceof Message) ? found : undefined;
}

function mistaken(name, result, wanted) {
  const what = result instanceof Promise ? "a promise; there is nothing to wait for in a plugin" : typeof result;
  throw new TypeError(`${name} returned ${result === FORWARD ? "FORWARD" : what}: return ${wanted}`);
}
