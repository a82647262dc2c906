// Does what the last word of the subject says: each host function, each verdict, each failure, each limit.

import { DROP, emit, FORWARD, log, Reject, Retry, sketches, state, vectors } from "tailrace";

const items = vectors("items");
const numbers = (text) => text.split(" ").map(Number);
const text = (bytes) => new TextDecoder().decode(bytes);

const does = {
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
    sketches.observe("amounts", 7.5);
    sketches.distinct("users", "ada");
    sketches.count("titles", "tea", 2);
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
}
