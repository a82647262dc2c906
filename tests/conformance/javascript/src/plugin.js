// Does what the last word of the subject says: each host function, each verdict, each failure, each limit.

import { DROP, emit, FORWARD, log, Reject, Retry, sketches, state, table, timers, vectors } from "tailrace";

const items = vectors("items");
const numbers = (text) => text.split(" ").map(Number);
const text = (bytes) => new TextDecoder().decode(bytes);

/** What is easily got wrong in JavaScript. Each has a case in cases.jsonl beside package.json. */
const faults = {
  negative: () => timers.set("t", -1),
  fraction: () => timers.set("t", 0.5),
  text: () => timers.set("t", "5"),
  large: () => timers.set("t", 2 ** 53),
  expiring: () => state.expiring(-1),
  limit: () => state.scan({ limit: -1 }),
  prototype: () => String(Object.getPrototypeOf(Date).now),
  constructor: () => new Date.prototype.constructor().getTime() - Date.now(),
  performance: () => performance.now(),
  buffer: () => new Uint8Array([104, 105]).buffer,
  map: () => new Map(),
  nothing: () => undefined,
  null: () => {
    throw null;
  },
  object: () => {
    throw { a: 1 };
  },
  answer: () => {
    throw { tag: "transient", val: "x" };
  },
  key: () => emit("a", { key: 5 }),
  halves: () => {
    log.info("a\ud800");
    throw new Reject("c\ud800", "r\ud800");
  },
  log: () => {
    log.info({ a: 1 });
    console.error(new Error("e"), null);
    return "";
  },
};

const does = {
  fault: (event) => emit(faults[event.text()]()),
  forward: () => FORWARD,
  drop: () => DROP,
  emit: (event) => [
    emit(event.payload, { subject: "results.a", key: "k", headers: { h: "v" } }),
    emit(`${event.sequence} ${event.time} ${event.key} ${event.header("x")}`),
  ],
  set(event) {
    const ttl = event.header("ttl");
    const to = ttl === undefined ? state : state.expiring(Number(ttl));
    to.set(event.header("key"), event.payload);
    return DROP;
  },
  get: (event) => emit(state.get(event.header("key")) ?? "none"),
  scan(event) {
    const found = state.scan({ prefix: event.header("prefix"), after: event.header("after"), limit: 10 });
    return emit(found.map(([key, value]) => `${key}=${text(value)}`).join(" "));
  },
  delete(event) {
    state.delete(event.header("key"));
    return DROP;
  },
  "vector-set"(event) {
    items.set(event.header("id"), numbers(event.text()));
    return DROP;
  },
  "vector-get"(event) {
    const found = items.get(event.header("id"));
    return emit(found === undefined ? "none" : [...found].map((number) => number.toFixed(2)).join(" "));
  },
  nearest(event) {
    const found = items.nearest(numbers(event.text()), 2);
    return emit(found.map(({ id, score }) => `${id}=${score.toFixed(2)}`).join(" "));
  },
  "vector-delete"(event) {
    items.delete(event.header("id"));
    return DROP;
  },
  sketches() {
    sketches.observe("amounts", 7);
    sketches.distinct("users", "ada");
    sketches.count("titles", "tea", 2);
    return DROP;
  },
  learnt() {
    const median = sketches.quantile("amounts", 0.5).toFixed(0);
    const [users, tea] = [sketches.estimate("users"), sketches.estimate("titles", "tea")];
    const [{ item, times }] = sketches.top("titles", 5);
    return emit(`${median} ${users} ${tea} ${item}=${times} ${sketches.total("titles")}`);
  },
  row: (event) => emit(table("tiers").get(event.header("key")) ?? "none"),
  watermark: () => emit(String(timers.watermark())),
  timers(event) {
    const [set, cancel] = [event.header("set"), event.header("cancel")];
    if (set !== undefined) {
      timers.set(set, Number(event.header("at")), event.payload);
    } else if (cancel !== undefined) {
      timers.cancel(cancel);
    } else {
      return emit(String(timers.get(event.header("get")) ?? "none"));
    }
    return DROP;
  },
  log(event) {
    for (const level of ["debug", "info", "warn", "error"]) {
      log[level](event.text());
    }
    return DROP;
  },
  time: () => emit(String(new Date().getTime())),
  random: () => emit(String(Math.random())),
  json: (event) => emit(event.json().user),
  reject() {
    state.set("lost", "1");
    throw new Reject("not-today", "it is sunday");
  },
  retry() {
    state.set("lost", "1");
    throw new Retry("later");
  },
  panic(event) {
    state.set("lost", "1");
    throw new Error(event.text());
  },
  undeclared: () => emit(vectors("undeclared").get("a")),
  messages: (event) => Array.from({ length: Number(event.text()) }, () => emit("m")),
  writes(event) {
    for (let number = 0; number < Number(event.text()); number++) {
      state.set(`w/${number}`, "1");
    }
    return DROP;
  },
  bytes: (event) => emit("b".repeat(Number(event.text()))),
  "log-lines"(event) {
    for (let number = 0; number < Number(event.text()); number++) {
      log.info("line");
    }
    return DROP;
  },
  spin() {
    for (;;);
  },
  eat() {
    const eaten = [];
    for (;;) {
      eaten.push(new Uint8Array(1 << 20));
    }
  },
};

export default class Conform {
  process(event) {
    return does[event.subject.replace("c.", "")](event);
  }

  onTimer(timer) {
    switch (timer.name) {
      case "keep":
        state.set("woken", timer.payload);
        timers.set("say-again", timer.at + 10_000, timer.payload);
        return DROP;
      case "many":
        return does.messages(timer);
      case "reject":
      case "retry":
      case "panic":
        return does[timer.name](timer);
    }
    const { name, key, at, setBy } = timer;
    const shown = [name, key, at, setBy, timer.text(), timers.watermark(), Date.now()];
    return emit(shown.join(" "), { subject: "results.a" });
  }
}
