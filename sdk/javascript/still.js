// Time and randomness inside a plugin: both are functions of the event, so that a replay gives the same. `Date.now()`
// and `new Date()` give the event's time, `Math.random()` draws from a generator that the event seeds. What has no such
// meaning throws with the way out.
//
// The module changes globals when it is loaded, before the plugin is. In a test `begin` alone is used.

const RealDate = Date;

/** Time of the event under way, in milliseconds. Before the first event, the epoch: modules ask while they load. */
let now = 0;
/** The event, until its first number is drawn: few plugins draw any. */
let unseeded = { sequence: 0, subject: "", key: "" };
let seed;

/** The event's time is now, and its generator starts anew. */
export function begin(event) {
  now = event.time;
  unseeded = event;
}

/** A number from 0 to 1: sfc32, of PractRand (Chris Doty-Humphrey, 2010), with 53 bits of it as Math.random has. */
export function random() {
  if (unseeded !== undefined) {
    seed = hash(`${unseeded.sequence} ${unseeded.subject} ${unseeded.key}`);
    unseeded = undefined;
  }
  return ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 0x20000000000000;
}

function next() {
  let [a, b, c, d] = seed;
  const sum = (a + b + d) | 0;
  a = b ^ (b >>> 9);
  b = (c + (c << 3)) | 0;
  c = ((c << 21) | (c >>> 11)) + sum;
  seed = [a, b, c | 0, (d + 1) | 0];
  return sum >>> 0;
}

/** Four numbers of a text: FNV-1a with four beginnings, and some rounds so that near texts give far numbers. */
function hash(text) {
  const found = [0x811c9dc5, 0x1b873593, 0x9e3779b9, 1];
  for (let at = 0; at < text.length; at++) {
    for (let lane = 0; lane < 3; lane++) {
      found[lane] = Math.imul(found[lane] ^ text.charCodeAt(at), 0x01000193);
    }
  }
  seed = found;
  for (let round = 0; round < 12; round++) {
    next();
  }
  return seed;
}

class EventDate extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) {
      super(now);
    } else {
      super(...parts);
    }
  }

  static now() {
    return now;
  }
}

// `Date()` without `new` gives a text. The two differ in nothing else.
const StillDate = new Proxy(EventDate, { apply: () => new EventDate().toString() });

function refused(what, wayOut) {
  return () => {
    throw new Error(`${what} has no meaning in a plugin: ${wayOut}`);
  };
}

const clock = "a plugin has the event's time only: event.time or Date.now()";
const draw = "a plugin draws from Math.random(), which is seeded by the event";
const wait = "a plugin ends with its event, and nothing runs between two events";

/** Puts all of it in place. */
export function install() {
  globalThis.Date = StillDate;
  Math.random = random;
  replace("performance", { now: refused("performance.now()", clock) });
  replace("crypto", {
    getRandomValues: refused("crypto.getRandomValues()", draw),
    randomUUID: refused("crypto.randomUUID()", draw),
  });
  for (const name of ["setTimeout", "setInterval", "queueMicrotask"]) {
    replace(name, refused(`${name}()`, wait));
  }
  replace("fetch", refused("fetch()", "a plugin has no network"));
}

function replace(name, value) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
