// Time and randomness inside a plugin: both are functions of the event, so that a replay gives the same. `Date.now()`
// and `new Date()` give the event's time, `Math.random()` draws from a generator that the event seeds. What has no such
// meaning throws with the way out.
//
// The module changes globals when it is loaded, before the plugin is. In a test `begin` alone is used.

const RealDate = Date;

/** Time of the event under way, in milliseconds. Before the first event, the epoch: modules ask while they load. */
let now = 0;
/** What gives the seed, until the first number is drawn: few plugins draw any. */
let unseeded = () => "";
let seed;

/** The event's time is now, and its generator starts anew. */
export function begin(event) {
  now = event.time;
  unseeded = () => `${event.sequence} ${event.subject} ${event.key}`;
}

/** The timer's time is now. One that sets itself again draws other numbers, for its time is another. */
export function wake(timer) {
  now = timer.at;
  unseeded = () => `${timer.setBy} ${timer.name} ${timer.at} ${timer.key}`;
}

/** A number from 0 to 1: sfc32, of PractRand (Chris Doty-Humphrey, 2010), with 53 bits of it as Math.random has. */
export function random() {
  if (unseeded !== undefined) {
    seed = hash(unseeded());
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

/**
 * `Date` with the event's time as its present. It is no class over the one of the engine, for a plugin would find that
 * one as its prototype: the methods of dates are the engine's own, and lead back here.
 */
function StillDate(...parts) {
  if (new.target === undefined) {
    // `Date()` without `new` gives a text.
    return new RealDate(now).toString();
  }
  return Reflect.construct(RealDate, parts.length === 0 ? [now] : parts, new.target);
}

function dates() {
  const own = { name: "Date", length: 7, prototype: RealDate.prototype, now: () => now };
  for (const [name, value] of Object.entries({ ...own, parse: RealDate.parse, UTC: RealDate.UTC })) {
    Object.defineProperty(StillDate, name, { value, configurable: name !== "prototype", writable: name !== "prototype" });
  }
  Object.defineProperty(RealDate.prototype, "constructor", { value: StillDate, configurable: true, writable: true });
  globalThis.Date = StillDate;
}

/** What formats the present where no date is given. */
function formats() {
  const prototype = globalThis.Intl?.DateTimeFormat?.prototype;
  if (prototype === undefined) {
    return;
  }
  const { get } = Object.getOwnPropertyDescriptor(prototype, "format");
  Object.defineProperty(prototype, "format", {
    get() {
      const format = get.call(this);
      return (date = now) => format(date);
    },
    configurable: true,
  });
  const parts = prototype.formatToParts;
  prototype.formatToParts = function (date = now) {
    return parts.call(this, date);
  };
}

/** The present of `Temporal`, where the engine has it. */
function temporal() {
  const given = globalThis.Temporal;
  if (given === undefined) {
    return;
  }
  const instant = () => given.Instant.fromEpochMilliseconds(now);
  const zoned = (zone = "UTC") => instant().toZonedDateTimeISO(zone);
  const present = {
    instant,
    timeZoneId: () => "UTC",
    zonedDateTimeISO: zoned,
    plainDateTimeISO: (zone) => zoned(zone).toPlainDateTime(),
    plainDateISO: (zone) => zoned(zone).toPlainDate(),
    plainTimeISO: (zone) => zoned(zone).toPlainTime(),
  };
  Object.defineProperty(given, "Now", { value: present, configurable: true, writable: true });
}

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
  dates();
  formats();
  temporal();
  Math.random = random;
  replace("performance", object("performance", ["now", "mark", "measure", "timeOrigin"], clock));
  replace("crypto", object("crypto", ["getRandomValues", "randomUUID", "subtle"], draw));
  for (const name of ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"]) {
    replace(name, refused(`${name}()`, wait));
  }
  replace("fetch", refused("fetch()", "a plugin has no network"));
}

/** An object whose members throw as soon as they are used. */
function object(name, members, wayOut) {
  const made = {};
  for (const member of members) {
    const isValue = member === "subtle" || member === "timeOrigin";
    const thrown = refused(`${name}.${member}${isValue ? "" : "()"}`, wayOut);
    Object.defineProperty(made, member, isValue ? { get: thrown } : { value: thrown });
  }
  return made;
}

function replace(name, value) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
