// The SDK natively: what a plugin returns and throws, and what is left of an event that failed.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { DROP, emit, FORWARD, log, Reject, Retry, sketches, state, vectors } from "../index.js";
import { TestHost } from "../testing.js";

class Each {
  process(event) {
    return this[event.subject](event);
  }
  count(event) {
    const count = state.updateJson(event.key, (count) => count + 1, 0);
    return emit({ count }, { subject: "counts", key: "k", headers: { lang: "en" } });
  }
  fail(event) {
    state.set(event.key, "lost");
    vectors("items").set("a", [1, 0]);
    sketches.count("top", "a");
    throw event.payload.length > 0 ? new Retry("later") : new Reject("bad", "so it is");
  }
  near() {
    vectors("items").set("a", [1, 0]);
    vectors("items").set("b", [0, 1]);
    return vectors("items")
      .nearest([1, 0.1], 2)
      .map(({ id }) => emit(id));
  }
  expiring() {
    state.expiring(1000).set("a", "1");
    log.warn("set");
    return DROP;
  }
  scan() {
    return state.scan({ prefix: "a", limit: 2 }).map(([key, value]) => emit(value, { key }));
  }
  read(event) {
    event.json();
    return FORWARD;
  }
  still() {
    return emit([Date.now(), Math.random()]);
  }
  nothing() {}
}

const host = () => new TestHost(Each, { collections: { items: 2 } });

test("a message says where it goes", () => {
  const [message] = host().send({ subject: "count", key: "ada" });
  assert.deepEqual([message.json(), message.subject, message.key], [{ count: 1 }, "counts", "k"]);
  assert.deepEqual(message.headers, [["lang", "en"]]);
});

test("a failed event leaves nothing behind", () => {
  const tried = host();
  assert.throws(() => tried.send({ subject: "fail", key: "ada" }), { code: "bad" });
  assert.throws(() => tried.send({ subject: "fail", key: "ada", payload: "x" }), Retry);
  assert.deepEqual([tried.state.size, tried.vectors.items.size, tried.sketches], [0, 0, {}]);
});

test("the nearest come first", () => {
  assert.deepEqual(
    host().send({ subject: "near" }).map((message) => message.text()),
    ["a", "b"],
  );
});

test("state expires in event time", () => {
  const tried = host();
  assert.equal(tried.send({ subject: "expiring", time: 5000 }), DROP);
  assert.deepEqual(tried.logs, [["warn", "set"]]);
  assert.equal(tried.send({ subject: "scan", time: 5999 }).length, 1);
  assert.equal(tried.send({ subject: "scan", time: 6000 }).length, 0);
});

test("a payload that is no JSON is rejected", () => {
  const tried = host();
  assert.equal(tried.send({ subject: "read", payload: "\ufeff{}" }), FORWARD);
  for (const payload of ["", "{", new Uint8Array([255])]) {
    assert.throws(() => tried.send({ subject: "read", payload }), { code: "malformed-json" });
  }
});

test("a plugin that returns nothing is told what to return", () => {
  assert.throws(() => host().send({ subject: "nothing" }), /return emit/);
});

test("a value that JSON cannot hold is a rejection", () => {
  for (const value of [undefined, NaN, 1n, { deep: Infinity }]) {
    assert.throws(() => emit(value), { code: "unwritable-value" });
  }
});

test("time and randomness are the event's", () => {
  const event = { subject: "still", time: 5, sequence: 7 };
  const [first] = host().send(event);
  const [again] = host().send(event);
  assert.deepEqual(first.json(), again.json());
  assert.equal(first.json()[0], 5);
  assert.notEqual(Date.now(), 5);
});

// In a process of its own: it changes globals.
test("globals are the event's", () => {
  const script = `
    import assert from "node:assert/strict";
    import { begin, install } from ${JSON.stringify(new URL("../still.js", import.meta.url).href)};
    install();
    begin({ sequence: 1, subject: "a", key: "b", time: 1700000000000 });
    assert.equal(new Date().getTime(), 1700000000000);
    assert.equal(new Date(5).getTime(), 5);
    assert.ok(new Date() instanceof Date && typeof Date() === "string");
    const drawn = Array.from({ length: 1000 }, Math.random);
    assert.ok(drawn.every((number) => number >= 0 && number < 1));
    assert.ok(Math.abs(drawn.reduce((sum, number) => sum + number) / 1000 - 0.5) < 0.05);
    for (const refused of [() => performance.now(), () => crypto.randomUUID(), () => setTimeout(() => {}), () => fetch("")]) {
      assert.throws(refused, /plugin/);
    }`;
  const done = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
});
