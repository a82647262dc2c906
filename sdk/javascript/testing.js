// Tests of plugins without an engine: a TestHost is state, vectors, sketches and log in memory. Types are in
// testing.d.ts.

import { Event } from "./event.js";
import { made } from "./guest.js";
import { install } from "./port.js";
import { begin, random } from "./still.js";
import { messages } from "./verdict.js";

const MAX_KEY_BYTES = 1024;

export class TestHost {
  state = new Map();
  vectors;
  sketches = {};
  logs = [];
  #dimensions;
  #score;
  #expiry = new Map();
  #now = 0;
  #lastSequence = 0;
  #plugin;

  constructor(plugin, { config = null, collections = {}, metric = "cosine" } = {}) {
    if (!(metric in scores)) {
      throw new Error(`"${metric}" is no metric; there are ${Object.keys(scores).join(", ")}`);
    }
    this.#score = scores[metric];
    this.#dimensions = collections;
    this.vectors = Object.fromEntries(Object.keys(collections).map((name) => [name, new Map()]));
    // Through JSON, as in the engine.
    this.#plugin = made(plugin, JSON.parse(JSON.stringify(config)));
  }

  send(given) {
    const event = given instanceof Event ? given : new Event(given);
    if (event.sequence === 0) {
      event.sequence = this.#lastSequence + 1;
    }
    this.#lastSequence = Math.max(this.#lastSequence, event.sequence);
    this.#begin(event.time);
    const kept = this.#copy();
    const before = install(this.#port());
    const [now, draw] = [Date.now, Math.random];
    Date.now = () => event.time;
    Math.random = random;
    try {
      begin(event);
      return messages(this.#plugin.process(event));
    } catch (error) {
      [this.state, this.#expiry, this.vectors, this.sketches] = kept;
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
      },
      log: { log: (level, message) => this.logs.push([level, message]) },
    };
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
