// The plugin's side of the contract in WebAssembly: what the engine calls, around the plugin's default export. An error
// that is neither Reject nor Retry ends the instance: its text and place go to `panics`, and so into the reason.

import { Event } from "./event.js";
import { Reject, Retry } from "./failure.js";
import { install } from "./port.js";
import { begin } from "./still.js";
import { DROP, FORWARD, messages } from "./verdict.js";

/** The interface `transform` of a plugin, over the imports that it is granted. */
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
        throw String(error?.message ?? error);
      }
    },
    process(event) {
      const own = received(event);
      begin(own);
      try {
        return verdict(messages(instance.process(own)));
      } catch (error) {
        throw failure(error, imports.panics);
      }
    },
  };
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

function verdict(result) {
  if (result === FORWARD) {
    return { tag: "forward" };
  }
  if (result === DROP) {
    return { tag: "drop" };
  }
  const sent = ({ subject, key, headers, payload }) => ({
    subject,
    key,
    headers: headers.map(([name, value]) => ({ name, value: String(value) })),
    payload,
  });
  return { tag: "emit", val: result.map(sent) };
}

function failure(error, panics) {
  if (error instanceof Reject) {
    return { tag: "invalid", val: { code: String(error.code), reason: String(error.reason) } };
  }
  if (error instanceof Retry) {
    return { tag: "transient", val: String(error.reason) };
  }
  panics.report(String(error), place(error));
  return error;
}

/** Where an error was made: the first line of its stack. */
function place(error) {
  return String(error?.stack ?? "").split("\n")[0];
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

function shown(part) {
  return typeof part === "object" && part !== null ? JSON.stringify(part) : String(part);
}
