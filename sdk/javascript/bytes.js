// Texts, values and payloads as bytes. The encoder is UTF-8's, as everywhere in the contract.

import { Reject } from "./failure.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Longest piece of a parser's error in a reason, which is for people. */
const MAX_REASON = 300;

/** A payload: bytes and text as they are, any other value as JSON. */
export function toBytes(value) {
  return bytesOf(value) ?? encoder.encode(toJson(value));
}

/** Bytes and text as bytes. */
function bytesOf(value) {
  if (typeof value === "string") {
    return encoder.encode(value);
  }
  if (ArrayBuffer.isView(value)) {
    return value instanceof Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  return isBuffer(value) ? new Uint8Array(value) : undefined;
}

/** An ArrayBuffer, also of another realm. */
function isBuffer(value) {
  return ["[object ArrayBuffer]", "[object SharedArrayBuffer]"].includes(Object.prototype.toString.call(value));
}

/** Objects that JSON would make `{}` or a list of numbers of, and what to give instead. */
const UNWRITTEN = {
  "[object Map]": "Object.fromEntries(…) makes an object of it",
  "[object Set]": "[...set] makes an array of it",
  "[object WeakMap]": "its entries cannot be listed",
  "[object WeakSet]": "its items cannot be listed",
  "[object Promise]": "there is nothing to wait for in a plugin",
};

/** What kind of value it is, for people. */
function kind(value) {
  return typeof value === "object" && value !== null
    ? `a value of ${Object.prototype.toString.call(value).slice(8, -1)}`
    : `${value === null ? "null" : typeof value}`;
}

/** Refuses what JSON would drop, or write as something else. */
function writable(value, isWhole) {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new Error(`JSON has no number ${value}`);
  }
  if (isWhole && ["undefined", "function", "symbol"].includes(typeof value)) {
    throw new Unwritable(`a payload is no ${typeof value}: give bytes, a text, or a value that JSON can hold`);
  }
  const isBytes = ArrayBuffer.isView(value) || isBuffer(value);
  const wayOut = isBytes ? "[...bytes] makes an array of it" : UNWRITTEN[Object.prototype.toString.call(value)];
  if (wayOut !== undefined) {
    throw new Unwritable(`JSON cannot hold ${kind(value)}: ${wayOut}`);
  }
}

/** A mistake of the plugin, whatever the event holds. */
class Unwritable extends TypeError {}

/**
 * An array of this program's own type over the same bytes. Arrays that the engine hands over have the type of another
 * realm, which `instanceof` does not know.
 */
export function own(Type, array) {
  if (array === undefined || array instanceof Type) {
    return array;
  }
  return new Type(array.buffer, array.byteOffset, array.byteLength / Type.BYTES_PER_ELEMENT);
}

export function toText(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Reject("not-utf8", "the payload is not text in UTF-8");
  }
}

/**
 * JSON. A value that the event may have brought, such as a number that JSON does not have, is a rejection. What JSON
 * would drop or change in silence, such as a Map, is a mistake of the plugin.
 */
export function toJson(value) {
  const checked = (_, inner) => {
    writable(inner, false);
    return inner;
  };
  let text;
  try {
    writable(value, true);
    text = JSON.stringify(value, checked);
  } catch (error) {
    if (error instanceof Unwritable) {
      throw error;
    }
    throw new Reject("unwritable-value", `the value cannot be encoded: ${error.message}`.slice(0, MAX_REASON));
  }
  if (text === undefined) {
    throw new Unwritable("a payload's toJSON() gives nothing: give a value that JSON can hold");
  }
  return text;
}

/** JSON of bytes; where it does not read, a rejection with this code, about this thing. */
export function fromJson(bytes, code, what) {
  try {
    return JSON.parse(decoder.decode(bytes).replace(/^\ufeff/, ""));
  } catch (error) {
    throw new Reject(code, `${what}: ${error.message}`.slice(0, MAX_REASON));
  }
}
