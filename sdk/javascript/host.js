// What a plugin may ask of the engine. Each function is one call of the interface of the same name in the contract.

import { fromJson, own, toBytes, toJson } from "./bytes.js";
import * as check from "./check.js";
import { port } from "./port.js";

class State {
  #ttl;

  constructor(ttl) {
    this.#ttl = ttl;
  }

  expiring(milliseconds) {
    return new State(check.whole("milliseconds", milliseconds));
  }

  get(key) {
    return own(Uint8Array, port("state").get(check.text("key", key)));
  }

  set(key, value) {
    const ttl = this.#ttl === undefined ? undefined : BigInt(this.#ttl);
    port("state").set(check.text("key", key), toBytes(value), ttl);
  }

  delete(key) {
    port("state").delete(check.text("key", key));
  }

  scan({ prefix = "", after, limit = 100 } = {}) {
    const [begin, past] = [check.text("prefix", prefix), check.optionalText("after", after)];
    return port("state")
      .scan(begin, past, check.whole("limit", limit, check.MAX_U32))
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
    this.#collection = check.text("collection", collection);
  }

  get(id) {
    return own(Float32Array, port("vectors").get(this.#collection, check.text("id", id)));
  }

  set(id, vector) {
    port("vectors").set(this.#collection, check.text("id", id), check.numbers("vector", vector));
  }

  delete(id) {
    port("vectors").delete(this.#collection, check.text("id", id));
  }

  nearest(query, k) {
    return port("vectors").nearest(this.#collection, check.numbers("query", query), check.whole("k", k, check.MAX_U32));
  }
}

export const state = new State();

export function vectors(collection) {
  return new Vectors(collection);
}

export const sketches = {
  observe(name, value) {
    port("sketches").observe(check.text("name", name), check.number("value", value));
  },
  distinct(name, item) {
    port("sketches").distinct(check.text("name", name), check.text("item", item));
  },
  count(name, item, times = 1) {
    port("sketches").count(check.text("name", name), check.text("item", item), BigInt(check.whole("times", times)));
  },
  quantile(name, q) {
    return port("sketches").quantile(check.text("name", name), check.number("q", q));
  },
  estimate(name, item) {
    return Number(port("sketches").estimate(check.text("name", name), check.optionalText("item", item)));
  },
  top(name, limit) {
    return port("sketches")
      .top(check.text("name", name), check.whole("limit", limit, check.MAX_U32))
      .map(({ item, times }) => ({ item, times: Number(times) }));
  },
  total(name) {
    return Number(port("sketches").total(check.text("name", name)));
  },
};

export const timers = {
  set(name, at, payload = new Uint8Array()) {
    port("timers").set(check.text("name", name), BigInt(check.whole("at", at)), toBytes(payload));
  },
  cancel(name) {
    port("timers").cancel(check.text("name", name));
  },
  get(name) {
    const at = port("timers").get(check.text("name", name));
    return at === undefined ? undefined : Number(at);
  },
  watermark() {
    return Number(port("timers").watermark());
  },
};

class Table {
  #name;

  constructor(name) {
    this.#name = check.text("name", name);
  }

  get(key) {
    return own(Uint8Array, port("tables").get(this.#name, check.text("key", key)));
  }

  getJson(key, initial) {
    const row = this.get(key);
    const what = `the row of table ${this.#name} with the key "${key}"`;
    return row === undefined ? initial : fromJson(row, "invalid-row", what);
  }
}

export function table(name) {
  return new Table(name);
}

function line(level) {
  return (message) => port("log").log(level, check.shown(message));
}

export const log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
