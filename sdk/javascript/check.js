// Checks of what a plugin hands over, one for each type of the contract. Without them a number wraps where it crosses
// into the engine: -1 becomes 2^64-1, and a timer never fires. A TestHost stands behind the same checks.

/** What a `u32` of the contract holds. */
export const MAX_U32 = 2 ** 32 - 1;

/** Longest piece of a value in an error, which is for people. */
const MAX_SHOWN = 200;

/** A text. */
export function text(name, value) {
  if (typeof value !== "string") {
    throw new TypeError(`${name} is ${told(value)}, and takes a text: String(…) makes one`);
  }
  return value;
}

/** A text, or none. */
export function optionalText(name, value) {
  return value === undefined || value === null ? undefined : text(name, value);
}

/** A whole number from 0. The largest is what a number holds to the digit. */
export function whole(name, value, most = Number.MAX_SAFE_INTEGER) {
  if (typeof value !== "number") {
    throw new TypeError(`${name} is ${told(value)}, and takes a number: Number(…) makes one`);
  }
  if (!Number.isInteger(value)) {
    throw new RangeError(`${name} is ${value}, and takes a whole number: Math.round(…) makes one of a fraction`);
  }
  if (value < 0 || value > most) {
    throw new RangeError(`${name} is ${value}, and goes from 0 to ${most}`);
  }
  return value;
}

/** A finite number. */
export function number(name, value) {
  if (typeof value !== "number") {
    throw new TypeError(`${name} is ${told(value)}, and takes a number: Number(…) makes one`);
  }
  if (!Number.isFinite(value)) {
    throw new RangeError(`${name} is ${value}, and takes a finite number`);
  }
  return value;
}

/** Numbers of a vector, in single precision. */
export function numbers(name, values) {
  if (typeof values !== "object" || values === null) {
    throw new TypeError(`${name} is ${told(values)}, and takes an array of numbers`);
  }
  return Float32Array.from(values, (value, at) => number(`${name}[${at}]`, value));
}

/** Pairs of texts. Numbers and booleans have one text only, so they become it. */
export function headers(given) {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`headers is ${told(given)}, and takes an object, or pairs of a name and a value`);
  }
  return (Array.isArray(given) ? given : Object.entries(given)).map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new TypeError(`headers holds ${told(pair)}: a header is a pair of a name and a value`);
    }
    const [name, value] = pair;
    const plain = ["number", "boolean", "bigint"].includes(typeof value) ? String(value) : value;
    return [text("a header's name", name), text(`the header ${name}`, plain)];
  });
}

/** Any value as a text for people: an object as JSON, an error with its message. */
export function shown(value) {
  try {
    if (typeof value === "object" && value !== null && !isError(value)) {
      return JSON.stringify(value) ?? String(value);
    }
    return String(value);
  } catch {
    return `<${typeof value} without a text>`;
  }
}

/** Whether it is an error, of this program or of the engine's. */
export function isError(value) {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

/** A value with its type, for a sentence; cut where it is long. */
export function told(value) {
  if (value === undefined || value === null) {
    return String(value);
  }
  const text = typeof value === "string" ? JSON.stringify(value) : shown(value);
  return `the ${Array.isArray(value) ? "array" : typeof value} ${text.slice(0, MAX_SHOWN)}`;
}
