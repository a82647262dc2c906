import assert from "node:assert/strict";
import { test } from "node:test";

import { DROP } from "tailrace";
import { TestHost } from "tailrace/testing";

import AlsoLiked from "../src/plugin.js";

const rating = (key, item, stars = 5) => ({ subject: "shop.ratings", key, payload: { item, rating: stars } });

test("what others liked beside it is recommended", () => {
  const host = new TestHost(AlsoLiked);
  const items = (...event) => host.send(rating(...event))[0].json().items;
  items("ada", "tea");
  items("ada", "cake");
  assert.deepEqual(items("bob", "tea"), ["cake"]);
  assert.deepEqual(items("bob", "cake"), []);
});

test("what was not liked counts nothing", () => {
  const host = new TestHost(AlsoLiked);
  assert.equal(host.send(rating("ada", "tea", 2)), DROP);
  assert.equal(host.state.size, 0);
});

test("a rating without an item is rejected", () => {
  const host = new TestHost(AlsoLiked);
  assert.throws(() => host.send({ subject: "shop.ratings", payload: { rating: 5 } }), { code: "missing-field" });
});
