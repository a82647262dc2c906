// Texts, values and payloads as bytes. The encoder is UTF-8's, as everywhere in the contract.

import { Reject } from "./failure.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Longest piece of a parser's error in a reason, which is for people. */
const MAX_REASON = 300;

export function toBytes(value) {
  if (ArrayBuffer.isView(value)) {
    return own(Uint8Array, value);
  }
  return encoder.encode(typeof value === "string" ? value : toJson(value));
}

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

/** JSON. Numbers that JSON does not have are refused instead of becoming null. */
export function toJson(value) {
  const finite = (_, inner) => {
    if (typeof inner === "number" && !Number.isFinite(inner)) {
      throw new TypeError(`JSON has no number ${inner}`);
    }
    return inner;
  };
  let text;
  try {
    text = JSON.stringify(value, finite);
  } catch (error) {
    throw new Reject("unwritable-value", `the value cannot be encoded: ${error.message}`.slice(0, MAX_REASON));
  }
  if (text === undefined) {
    throw new Reject("unwritable-value", `the value cannot be encoded: JSON has no ${typeof value}`);
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
