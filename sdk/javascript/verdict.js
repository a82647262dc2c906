// What `process` returns, in its plain form.

import { Message } from "./event.js";

export const FORWARD = Symbol("forward");
export const DROP = Symbol("drop");

/** A verdict, or a list of messages. Anything else is a mistake of the plugin, named as such. */
export function messages(result) {
  if (result === FORWARD || result === DROP) {
    return result;
  }
  const found = Array.isArray(result) ? result : [result];
  if (found.every((message) => message instanceof Message)) {
    return found;
  }
  const what = result instanceof Promise ? "a promise; there is nothing to wait for in a plugin" : typeof result;
  throw new TypeError(`process returned ${what}: return emit(…), a list of such, FORWARD or DROP`);
}
