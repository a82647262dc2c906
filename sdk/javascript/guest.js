// The plugin's side of the contract in WebAssembly: what the engine calls, around the plugin's default export. An error
// that is neither Reject nor Retry ends the instance: its text and place go to `panics`, and so into the reason.

import { isError, shown, told } from "./check.js";
import { Event, Timer } from "./event.js";
import { place, Reject, Retry } from "./failure.js";
import { install } from "./port.js";
import { begin, wake } from "./still.js";
import { DROP, FORWARD, messages, woken } from "./verdict.js";

/** The interfaces `transform` and `timed` of a plugin, over the imports that it is granted. */
export function guest(plugin, imports) {
  install(imports);
  if (imports.log !== undefined) {
    printToLog(imports.log);
  }
  let instance;
  return {
    configure(config) {
      const given = JSON.parse(config);
      try {
        instance = made(plugin, given);
      } catch (error) {
        throw isError(error) && error.message ? shown(error.message) : thrown(error);
      }
    },
    process(event) {
      const own = received(event);
      begin(own);
      try {
        return verdict(messages(instance.process(own)));
      } catch (error) {
        throw failure(error, "process", imports.panics);
      }
    },
    onTimer(timer) {
      const own = due(timer);
      wake(own);
      try {
        return woken(wakeUp(instance, own)).map(sent);
      } catch (error) {
        throw failure(error, "onTimer", imports.panics);
      }
    },
  };
}

/** What a plugin answers to a timer. One without `onTimer` rejects it. */
export function wakeUp(plugin, timer) {
  if (typeof plugin.onTimer !== "function") {
    throw new Reject("no-on-timer", `timer "${timer.name}" is due, and the plugin has no onTimer`);
  }
  return plugin.onTimer(timer);
}

/** A class is constructed with the config; a function is `process` itself. */
export function made(plugin, config) {
  if (typeof plugin !== "function") {
    throw new TypeError("the default export is no plugin: export a class with process(event), or a function");
  }
  return typeof plugin.prototype?.process === "function" ? new plugin(config) : { process: plugin };
}

function received({ sequence, time, subject, key, headers, payload }) {
  return new Event({
    subject,
    payload,
    key,
    headers: headers.map(({ name, value }) => [name, value]),
    time: Number(time),
    sequence: Number(sequence),
  });
}

function due({ name, key, at, payload, setBy }) {
  return new Timer({ name, key, at: Number(at), payload, setBy: Number(setBy) });
}

function verdict(result) {
  if (result === FORWARD) {
    return { tag: "forward" };
  }
  if (result === DROP) {
    return { tag: "drop" };
  }
  return { tag: "emit", val: result.map(sent) };
}

function sent({ subject, key, headers, payload }) {
  return { subject, key, headers: headers.map(([name, value]) => ({ name, value })), payload };
}

/** How a call failed, in the words of the contract. What ends the instance is an error of this module. */
function failure(error, called, panics) {
  if (error instanceof Reject) {
    return { tag: "invalid", val: { code: shown(error.code), reason: shown(error.reason) } };
  }
  if (error instanceof Retry) {
    return { tag: "transient", val: shown(error.reason) };
  }
  const words = thrown(error);
  panics.report(words, place(error) || called);
  // A plain object would be taken for one of the two above.
  return new Error(words);
}

/** The text of what was thrown. A value that is no error has no place either. */
function thrown(error) {
  return isError(error) ? shown(error) : `it threw ${told(error)}, which is no error and has no place: throw new Error(…)`;
}

/** What is printed becomes lines of the log. */
function printToLog(log) {
  const line = (level) => (...parts) => log.log(level, parts.map(shown).join(" "));
  globalThis.console = {
    debug: line("debug"),
    log: line("info"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
  };
}
