// The SDK natively: what a plugin returns and throws, and what is left of an event that failed.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { DROP, emit, FORWARD, log, Reject, Retry, sketches, state, table, timers, vectors } from "../index.js";
import { place } from "../failure.js";
import { guest } from "../guest.js";
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
  for (const value of [NaN, 1n, { deep: Infinity }]) {
    assert.throws(() => emit(value), { code: "unwritable-value" });
  }
});

test("what JSON would drop or change in silence is a mistake of the plugin", () => {
  const unwritable = [undefined, () => {}, Symbol("a"), new Map(), new Set(), Promise.resolve(), { toJSON() {} }];
  for (const value of [...unwritable, { deep: [new Map()] }, { deep: new Uint8Array(2) }, [new ArrayBuffer(1)]]) {
    assert.throws(() => emit(value), TypeError);
  }
  assert.equal(emit({ left: undefined, kept: 1 }).text(), '{"kept":1}');
});

test("bytes go as they are, whatever holds them", () => {
  const { buffer } = new Uint8Array([1, 2, 3, 4]);
  const all = [buffer, new DataView(buffer), new Uint16Array(buffer), new Uint8Array(buffer), new Uint8ClampedArray(buffer)];
  for (const bytes of all) {
    assert.deepEqual([...emit(bytes).payload], [1, 2, 3, 4]);
  }
  assert.deepEqual([...emit(new Uint8Array(buffer, 1, 2)).payload], [2, 3]);
});

test("a number that the engine cannot hold is refused by its name", () => {
  const calls = {
    at: (value) => timers.set("t", value),
    milliseconds: (value) => state.expiring(value),
    limit: (value) => [state.scan({ limit: value }), sketches.top("top", value)],
    k: (value) => vectors("items").nearest([1, 0], value),
    times: (value) => sketches.count("top", "a", value),
  };
  for (const [name, call] of Object.entries(calls)) {
    for (const value of [-1, NaN, 0.5, 2 ** 53, Infinity]) {
      assert.throws(() => new TestHost(() => call(value)).send({ subject: "a" }), { name: "RangeError", message: new RegExp(name) });
    }
    for (const value of ["5", null, 5n, [1]]) {
      assert.throws(() => new TestHost(() => call(value)).send({ subject: "a" }), { name: "TypeError", message: new RegExp(name) });
    }
  }
});

test("an argument of a wrong type is refused by its name", () => {
  const calls = {
    key: [() => state.get(5), () => state.set(undefined, "a"), () => emit("a", { key: 5 }), () => table("t").get(null)],
    subject: [() => emit("a", { subject: {} })],
    headers: [() => emit("a", { headers: 5 }), () => emit("a", { headers: ["ab"] })],
    "the header n": [() => emit("a", { headers: [["n", null]] })],
    name: [() => sketches.observe(5, 5), () => timers.cancel(5), () => table(undefined)],
    item: [() => sketches.distinct("users", 5)],
    value: [() => sketches.observe("amounts", "5"), () => sketches.observe("amounts", NaN)],
    "vector\\[1\\]": [() => vectors("items").set("a", [1, "x"]), () => vectors("items").set("a", [1, NaN])],
    collection: [() => vectors(5)],
  };
  for (const [name, all] of Object.entries(calls)) {
    for (const call of all) {
      assert.throws(() => new TestHost(call).send({ subject: "a" }), { message: new RegExp(`^${name} `) });
    }
  }
  assert.deepEqual(emit("a", { headers: { n: 5 } }).headers, [["n", "5"]]);
});

test("a log line is the text of any value", () => {
  const said = new TestHost(() => {
    const round = {};
    round.round = round;
    [5, undefined, { a: 1 }, new Error("e"), round, Symbol("s")].forEach((value) => log.info(value));
    return DROP;
  });
  said.send({ subject: "a" });
  const lines = said.logs.map(([, line]) => line);
  assert.deepEqual(lines, ["5", "undefined", '{"a":1}', "Error: e", "<object without a text>", "Symbol(s)"]);
});

test("the last words name what was thrown", () => {
  const said = (thrown) => {
    const words = [];
    const panics = { report: (...all) => words.push(all) };
    const { configure, process } = guest(() => thrown(), { panics });
    configure("null");
    const event = { sequence: 1n, time: 1n, subject: "a", key: "", headers: [], payload: new Uint8Array() };
    assert.throws(() => process(event), Error);
    return words[0];
  };
  for (const [value, text] of [[null, "null"], [{ a: 1 }, '{"a":1}'], ["x", 'it threw the string "x", which'], ["y".repeat(300), `"${"y".repeat(199)},`], [{ tag: "transient", val: "x" }, "transient"]]) {
    const [message, place] = said(() => {
      throw value;
    });
    assert.ok(message.includes(`it threw`) && message.includes(text), message);
    assert.equal(place, "process");
  }
  const [message, place] = said(() => {
    throw new TypeError("so it is");
  });
  assert.equal(message, "TypeError: so it is");
  assert.match(place, /./);
});

test("time and randomness are the event's", () => {
  const event = { subject: "still", time: 5, sequence: 7 };
  const [first] = host().send(event);
  const [again] = host().send(event);
  assert.deepEqual(first.json(), again.json());
  assert.equal(first.json()[0], 5);
  assert.notEqual(Date.now(), 5);
});

class Waking {
  process(event) {
    for (const [name, at] of Object.entries(event.payload.length > 0 ? event.json() : {})) {
      at === null ? timers.cancel(name) : timers.set(name, at, name.toUpperCase());
    }
    return emit([timers.get("a") ?? null, timers.watermark()]);
  }
  onTimer(timer) {
    state.set(`${timer.key}/${timer.name}`, timer.payload);
    switch (timer.name) {
      case "again":
        timers.set("a", timer.at + 1);
        break;
      case "bad":
        throw new Reject("bad", timer.text());
      case "forward":
        return FORWARD;
      case "still":
        return DROP;
    }
    return emit([timer.key, timer.at, timer.setBy, timers.watermark(), Date.now()]);
  }
}

const set = (on, payload, { time = 0, key = "ada" } = {}) => on.send({ subject: "set", payload, key, time });

test("a timer fires at its own time and once", () => {
  const waking = new TestHost(Waking);
  const [message] = set(waking, { a: 500 }, { time: 100 });
  assert.deepEqual(message.json(), [500, 100]);
  assert.equal(waking.timer("ada", "a"), 500);
  assert.deepEqual(waking.advanceTo(499), []);
  const [fired] = waking.advanceTo(900);
  assert.deepEqual([fired.timer.text(), fired.messages[0].json()], ["A", ["ada", 500, 1, 500, 500]]);
  assert.deepEqual(waking.advanceTo(1000), []);
});

test("events fire what is due before them", () => {
  const waking = new TestHost(Waking);
  set(waking, { a: 500, b: 400 }, { key: "bob" });
  set(waking, { a: 400, again: 450 });
  const [message] = set(waking, {}, { time: 500 });
  assert.deepEqual(message.json(), [null, 500]);
  const fired = waking.fired.map(({ timer }) => `${timer.at} ${timer.key} ${timer.name}`);
  assert.deepEqual(fired, ["400 ada a", "400 bob b", "450 ada again", "451 ada a", "500 bob a"]);
});

test("a timer is moved and cancelled", () => {
  const waking = new TestHost(Waking);
  set(waking, { a: 500, b: 500 });
  set(waking, { a: 700, b: null });
  assert.deepEqual(
    waking.advanceTo(900).map(({ timer }) => timer.at),
    [700],
  );
});

test("a failed timer leaves nothing behind and is gone", () => {
  const waking = new TestHost(Waking);
  set(waking, { bad: 5 });
  const [{ failure, messages }] = waking.advanceTo(5);
  assert.deepEqual([failure.code, failure.reason, messages], ["bad", "BAD", []]);
  assert.deepEqual([waking.state.size, waking.timer("ada", "bad")], [0, undefined]);
});

test("a timer may cause no message and cannot go on", () => {
  const waking = new TestHost(Waking);
  set(waking, { still: 5, forward: 6 });
  assert.deepEqual(waking.advanceTo(5)[0].messages, []);
  assert.throws(() => waking.advanceTo(6), /onTimer returned FORWARD/);
});

test("a plugin without a handler rejects its timers", () => {
  const deaf = new TestHost(() => {
    timers.set("end", 5);
    return DROP;
  });
  deaf.send({ subject: "set" });
  assert.equal(deaf.advanceTo(5)[0].failure.code, "no-on-timer");
});

test("limits of timers are those of the engine", () => {
  assert.throws(() => set(new TestHost(Waking), { ["n".repeat(129)]: 5 }), /128 bytes/);
});

test("sketches tell what events before have added", () => {
  const reading = new TestHost(() => {
    const found = [
      sketches.quantile("amounts", 0.5) ?? null,
      sketches.estimate("users"),
      sketches.estimate("titles", "tea"),
      sketches.top("titles", 1),
      ["amounts", "users", "titles"].map((name) => sketches.total(name)),
    ];
    sketches.observe("amounts", 7);
    sketches.distinct("users", "ada");
    sketches.count("titles", "tea", 2);
    sketches.count("titles", "ale");
    return emit(found);
  });
  const found = [1, 2, 3].map(() => reading.send({ subject: "read" })[0].json());
  assert.deepEqual(found[0], [null, 0, 0, [], [0, 0, 0]]);
  assert.deepEqual(found[2], [7, 1, 4, [{ item: "tea", times: 4 }], [2, 2, 6]]);
});

test("rows are looked up", () => {
  const tables = { customers: { ada: { tier: "gold" }, bad: "{" } };
  const looking = new TestHost((event) => emit(table("customers").getJson(event.key, { tier: "none" }).tier), { tables });
  const tier = (key) => looking.send({ subject: "a", key })[0].text();
  assert.deepEqual(["ada", "eve"].map(tier), ["gold", "none"]);
  assert.throws(() => tier("bad"), { code: "invalid-row" });
  delete looking.tables.customers;
  assert.throws(() => tier("ada"), /as tables/);
});

// In a process of its own: it changes globals.
test("globals are the event's", () => {
  const script = `
    import assert from "node:assert/strict";
    import { begin, install } from ${JSON.stringify(new URL("../still.js", import.meta.url).href)};
    const zoned = (ms) => ({ toZonedDateTimeISO: (zone) => ({ toPlainDate: () => \`\${ms} \${zone}\` }) });
    globalThis.Temporal = { Instant: { fromEpochMilliseconds: zoned } };
    install();
    begin({ sequence: 1, subject: "a", key: "b", time: 1700000000000 });
    assert.equal(new Date().getTime(), 1700000000000);
    assert.equal(new Date(5).getTime(), 5);
    assert.ok(new Date() instanceof Date && typeof Date() === "string");
    class Day extends Date {}
    const ways = [Object.getPrototypeOf(Date), Date.prototype.constructor, new Date(5).constructor, new Day(5).constructor];
    for (const Found of ways.filter((found) => found !== Function.prototype)) {
      assert.equal(new Found().getTime(), 1700000000000);
      assert.equal(Found.now(), 1700000000000);
    }
    assert.equal(Object.getPrototypeOf(Date).now, undefined);
    assert.ok(new Day() instanceof Day && Date.UTC(1970, 0) === 0 && Date.parse("1970-01-01") === 0 && Date.length === 7);
    const year = new Intl.DateTimeFormat("en", { year: "numeric", timeZone: "UTC" });
    assert.equal(year.format() + year.format(0) + year.formatToParts()[0].value, "202319702023");
    assert.equal(Temporal.Now.plainDateISO(), "1700000000000 UTC");
    const drawn = Array.from({ length: 1000 }, Math.random);
    assert.ok(drawn.every((number) => number >= 0 && number < 1));
    assert.ok(Math.abs(drawn.reduce((sum, number) => sum + number) / 1000 - 0.5) < 0.05);
    for (const refused of [() => performance.now(), () => crypto.randomUUID(), () => setTimeout(() => {}), () => fetch(""), () => crypto.subtle]) {
      assert.throws(refused, /plugin/);
    }`;
  const done = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
});

test("the place of an error is the line of the plugin's own file, where the build has put the places", () => {
  const failed = (...frames) => place({ stack: frames.join("\n") });
  assert.equal(failed("price@bundle.js:2:9"), "price@bundle.js:2:9");
  globalThis.tailracePlaces = () => ({ files: ["src/plugin.ts", "src/price.ts"], lines: "\n0:1:7 20:0:12\n" });
  try {
    assert.equal(failed("price@bundle.js:2:9"), "price@src/price.ts:7");
    assert.equal(failed("process@bundle.js:2:21"), "process@src/plugin.ts:12");
    assert.equal(failed("other@bundle.js:3:1"), "other@bundle.js:3:1");
    assert.equal(failed("no frame"), "no frame");
  } finally {
    delete globalThis.tailracePlaces;
  }
});
