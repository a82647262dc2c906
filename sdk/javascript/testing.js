// Tests of plugins without an engine: a TestHost is state, vectors, sketches, timers, tables and log in memory. Types
// are in testing.d.ts.

import { toBytes } from "./bytes.js";
import { Event, Timer } from "./event.js";
import { Reject, Retry } from "./failure.js";
import { made, wakeUp } from "./guest.js";
import { install } from "./port.js";
import { begin, random, wake } from "./still.js";
import { messages, woken } from "./verdict.js";

const MAX_KEY_BYTES = 1024;
const MAX_TIMER_NAME_BYTES = 128;
const MAX_TIMER_PAYLOAD_BYTES = 64 * 1024;
/** More timers that are due at once are likely a plugin that always sets another one. */
const MAX_FIRED = 100_000;

export class TestHost {
  state = new Map();
  vectors;
  sketches = {};
  tables;
  logs = [];
  fired = [];
  #timers = new Map();
  #learnt = {};
  #key = "";
  #sequence = 0;
  #dimensions;
  #score;
  #expiry = new Map();
  #now = 0;
  #lastSequence = 0;
  #plugin;

  constructor(plugin, { config = null, collections = {}, metric = "cosine", tables = {} } = {}) {
    if (!(metric in scores)) {
      throw new Error(`"${metric}" is no metric; there are ${Object.keys(scores).join(", ")}`);
    }
    this.#score = scores[metric];
    this.#dimensions = collections;
    this.vectors = Object.fromEntries(Object.keys(collections).map((name) => [name, new Map()]));
    this.tables = Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, new Map(Object.entries(rows))]));
    // Through JSON, as in the engine.
    this.#plugin = made(plugin, JSON.parse(JSON.stringify(config)));
  }

  send(given) {
    const event = given instanceof Event ? given : new Event(given);
    if (event.sequence === 0) {
      event.sequence = this.#lastSequence + 1;
    }
    this.#lastSequence = Math.max(this.#lastSequence, event.sequence);
    this.advanceTo(event.time);
    [this.#key, this.#sequence] = [event.key, event.sequence];
    begin(event);
    return this.#call(event.time, () => messages(this.#plugin.process(event)));
  }

  advanceTo(time) {
    const until = Math.max(this.#now, time);
    const first = this.fired.length;
    for (let due = this.#due(until); due !== undefined; due = this.#due(until)) {
      if (this.fired.length - first === MAX_FIRED) {
        throw new Error(`${MAX_FIRED} timers are due; does each of them set another one?`);
      }
      this.fired.push(this.#fire(due));
    }
    this.#begin(until);
    return this.fired.slice(first);
  }

  timer(key, name) {
    return this.#timers.get(place(key, name))?.at;
  }

  /** The timer that fires first, if it is due by then. */
  #due(until) {
    const order = (a, b) => a.at - b.at || compare(a.key, b.key) || compare(a.name, b.name);
    return [...this.#timers.values()].filter(({ at }) => at <= until).sort(order)[0];
  }

  #fire(timer) {
    this.#timers.delete(place(timer.key, timer.name));
    this.#begin(timer.at);
    [this.#key, this.#sequence] = [timer.key, timer.setBy];
    wake(timer);
    try {
      return { timer, messages: this.#call(timer.at, () => woken(wakeUp(this.#plugin, timer))) };
    } catch (failure) {
      if (failure instanceof Reject || failure instanceof Retry) {
        return { timer, messages: [], failure };
      }
      throw failure;
    }
  }

  /** Calls the plugin. What a failed call has done is taken back. */
  #call(time, call) {
    const kept = this.#copy();
    this.#learnt = kept[3];
    const before = install(this.#port());
    const [now, draw] = [Date.now, Math.random];
    Date.now = () => time;
    Math.random = random;
    try {
      return call();
    } catch (error) {
      [this.state, this.#expiry, this.vectors, this.sketches, this.#timers] = kept;
      throw error;
    } finally {
      install(before);
      [Date.now, Math.random] = [now, draw];
    }
  }

  #begin(time) {
    this.#now = Math.max(this.#now, time);
    for (const [key, end] of this.#expiry) {
      if (end <= this.#now) {
        this.state.delete(key);
        this.#expiry.delete(key);
      }
    }
  }

  #copy() {
    const each = (of, change) => Object.fromEntries(Object.entries(of).map(([name, held]) => [name, change(held)]));
    return [
      new Map(this.state),
      new Map(this.#expiry),
      each(this.vectors, (held) => new Map(held)),
      each(this.sketches, (held) => [...held]),
      new Map(this.#timers),
    ];
  }

  #port() {
    const add = (name, value) => (this.sketches[name] ??= []).push(value);
    return {
      state: {
        get: (key) => this.state.get(checked(key)),
        set: (key, value, ttl) => {
          this.state.set(checked(key), value);
          this.#expiry.delete(key);
          if (ttl !== undefined) {
            this.#expiry.set(key, this.#now + Number(ttl));
          }
        },
        delete: (key) => {
          this.state.delete(key);
          this.#expiry.delete(key);
        },
        scan: (prefix, after, limit) => {
          const found = [...this.state.keys()].filter(
            (key) => key.startsWith(prefix) && (after === undefined || key > after),
          );
          return found.sort().slice(0, limit).map((key) => ({ key, value: this.state.get(key) }));
        },
      },
      vectors: {
        get: (collection, id) => this.#collection(collection).get(id),
        set: (collection, id, vector) => {
          this.#collection(collection, vector).set(checked(id), vector);
        },
        delete: (collection, id) => {
          this.#collection(collection).delete(id);
        },
        nearest: (collection, query, k) => {
          const held = [...this.#collection(collection, query)];
          const scored = held.map(([id, vector]) => ({ id, score: this.#score(query, vector) }));
          return scored.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1)).slice(0, k);
        },
      },
      sketches: {
        observe: add,
        distinct: add,
        count: (name, item, times) => add(name, [item, Number(times)]),
        quantile: (name, q) => quantile(name, this.#read(name, "number"), q),
        estimate: (name, item) => {
          const found = item === undefined ? new Set(this.#read(name, "string")).size : this.#counted(name).get(item);
          return BigInt(found ?? 0);
        },
        top: (name, limit) => {
          const found = [...this.#counted(name)].map(([item, times]) => ({ item, times: BigInt(times) }));
          return found.sort((a, b) => Number(b.times - a.times) || compare(a.item, b.item)).slice(0, limit);
        },
        total: (name) => {
          const times = (update) => (Array.isArray(update) ? update[1] : 1);
          return BigInt((this.#learnt[name] ?? []).reduce((sum, update) => sum + times(update), 0));
        },
      },
      timers: {
        set: (name, at, payload) => {
          const [key, setBy] = [this.#key, this.#sequence];
          checkTimer(name, payload);
          this.#timers.set(place(key, name), new Timer({ name, key, at: Number(at), payload, setBy }));
        },
        cancel: (name) => {
          this.#timers.delete(place(this.#key, name));
        },
        get: (name) => {
          const at = this.timer(this.#key, name);
          return at === undefined ? undefined : BigInt(at);
        },
        watermark: () => BigInt(this.#now),
      },
      tables: {
        get: (name, key) => {
          if (!(name in this.tables)) {
            throw new Error(`the pipeline declares no table "${name}"; give it to TestHost as tables`);
          }
          const row = this.tables[name].get(key);
          return row === undefined ? undefined : toBytes(row);
        },
      },
      log: { log: (level, message) => this.logs.push([level, message]) },
    };
  }

  /** What events before have added of a kind: numbers are observed, texts are distinct items, pairs are counted. */
  #read(name, type) {
    return (this.#learnt[name] ?? []).filter((update) => typeof update === type);
  }

  #counted(name) {
    const counted = new Map();
    for (const [item, times] of (this.#learnt[name] ?? []).filter(Array.isArray)) {
      counted.set(item, (counted.get(item) ?? 0) + times);
    }
    return counted;
  }

  #collection(name, vector) {
    if (!(name in this.#dimensions)) {
      throw new Error(`the pipeline declares no collection "${name}"; give it to TestHost as collections`);
    }
    const wanted = this.#dimensions[name];
    if (vector !== undefined && vector.length !== wanted) {
      throw new Error(`a vector of ${vector.length} dimensions for collection "${name}", which has ${wanted}`);
    }
    return this.vectors[name];
  }
}

/** One text for a key and a name. Lengths keep them apart. */
function place(key, name) {
  return `${key.length} ${key}${name}`;
}

function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}

function quantile(name, values, q) {
  if (!(q >= 0 && q <= 1)) {
    throw new Error(`quantile ${q} of sketch "${name}" is not between 0 and 1`);
  }
  return values.sort((a, b) => a - b)[Math.floor(q * (values.length - 1))];
}

function checkTimer(name, payload) {
  if (new TextEncoder().encode(name).length > MAX_TIMER_NAME_BYTES) {
    throw new Error(`a timer's name has at most ${MAX_TIMER_NAME_BYTES} bytes`);
  }
  if (payload.length > MAX_TIMER_PAYLOAD_BYTES) {
    throw new Error(`a timer's payload has at most ${MAX_TIMER_PAYLOAD_BYTES} bytes, not ${payload.length}`);
  }
}

function checked(key) {
  const bytes = new TextEncoder().encode(key).length;
  if (bytes > MAX_KEY_BYTES) {
    throw new Error(`a key has at most ${MAX_KEY_BYTES} bytes, not ${bytes}`);
  }
  return key;
}

function dot(left, right) {
  return left.reduce((sum, number, at) => sum + number * right[at], 0);
}

const scores = {
  dot,
  cosine: (left, right) => {
    const lengths = Math.sqrt(dot(left, left) * dot(right, right));
    return lengths > 0 ? dot(left, right) / lengths : 0;
  },
  euclidean: (left, right) => -Math.hypot(...left.map((number, at) => number - right[at])),
};
