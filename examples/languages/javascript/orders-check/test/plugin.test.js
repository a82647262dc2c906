import assert from "node:assert/strict";
import { test } from "node:test";

import { FORWARD } from "tailrace";
import { TestHost } from "tailrace/testing";

import OrdersCheck from "../src/plugin.js";

const good = { user: "ada", lines: [{ price: 0.1, count: 3 }], total: 0.3 };
const host = new TestHost(OrdersCheck, { config: { most: 100 } });
const send = (payload) => host.send({ subject: "shop.orders", payload, time: Date.parse("2026-01-01T00:00:00Z") });

test("an order that holds together goes on", () => {
  assert.equal(send(good), FORWARD);
});

test("each fault has its code", () => {
  const faults = {
    "malformed-json": "{",
    "malformed-order": [],
    "missing-field": { ...good, user: undefined },
    "malformed-line": { ...good, lines: [{ price: 1 }] },
    "wrong-total": { ...good, total: 0.4 },
    "too-much": { ...good, lines: [{ price: 300, count: 1 }], total: 300 },
    "too-late": { ...good, due: "2025-12-31T00:00:00Z" },
  };
  for (const [code, payload] of Object.entries(faults)) {
    assert.throws(() => send(payload), { code });
  }
});
