// What a plugin may ask of the engine. Each function is one call of the interface of the same name in the contract.

import { fromJson, own, toBytes, toJson } from "./bytes.js";
import { port } from "./port.js";

class State {
  #ttl;

  constructor(ttl) {
    this.#ttl = ttl;
  }

  expiring(milliseconds) {
    return new State(milliseconds);
  }

  get(key) {
    return own(Uint8Array, port("state").get(key));
  }

  set(key, value) {
    const ttl = this.#ttl === undefined ? undefined : BigInt(this.#ttl);
    port("state").set(key, toBytes(value), ttl);
  }

  delete(key) {
    port("state").delete(key);
  }

  scan({ prefix = "", after, limit = 100 } = {}) {
    return port("state")
      .scan(prefix, after, limit)
      .map(({ key, value }) => [key, own(Uint8Array, value)]);
  }

  getJson(key, initial) {
    const value = this.get(key);
    return value === undefined ? initial : fromJson(value, "unreadable-state", `state "${key}" does not decode`);
  }

  setJson(key, value) {
    this.set(key, toJson(value));
  }

  updateJson(key, change, initial) {
    const value = change(this.getJson(key, initial));
    this.setJson(key, value);
    return value;
  }
}

class Vectors {
  #collection;

  constructor(collection) {
    this.#collection = collection;
  }

  get(id) {
    return own(Float32Array, port("vectors").get(this.#collection, id));
  }

  set(id, vector) {
    port("vectors").set(this.#collection, id, Float32Array.from(vector));
  }

  delete(id) {
    port("vectors").delete(this.#collection, id);
  }

  nearest(query, k) {
    return port("vectors").nearest(this.#collection, Float32Array.from(query), k);
  }
}

export const state = new State();

export function vectors(collection) {
  return new Vectors(collection);
}

export const sketches = {
  observe(name, value) {
    port("sketches").observe(name, value);
  },
  distinct(name, item) {
    port("sketches").distinct(name, item);
  },
  count(name, item, times = 1) {
    port("sketches").count(name, item, BigInt(times));
  },
};

function line(level) {
  return (message) => port("log").log(level, String(message));
}

export const log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
