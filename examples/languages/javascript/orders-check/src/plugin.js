// Lets orders through that hold together: the fields are there, and the total is the sum of the lines. Amounts are
// compared in whole cents, for numbers of JavaScript are not decimal.

import { FORWARD, Reject } from "tailrace";

const cents = (amount) => Math.round(amount * 100);

export default class OrdersCheck {
  constructor(config) {
    this.most = config?.most ?? 10_000;
  }

  process(event) {
    const order = event.json();
    if (typeof order !== "object" || order === null || Array.isArray(order)) {
      throw new Reject("malformed-order", "an order is an object");
    }
    for (const field of ["user", "lines", "total"]) {
      if (!(field in order)) {
        throw new Reject("missing-field", `the order has no ${field}`);
      }
    }
    const total = sum(order.lines);
    if (total !== cents(order.total)) {
      throw new Reject("wrong-total", `the lines sum up to ${total / 100}, the order says ${order.total}`);
    }
    if (total > cents(this.most)) {
      throw new Reject("too-much", `an order of ${order.total} is more than ${this.most}`);
    }
    if (order.due !== undefined && Date.parse(order.due) < Date.now()) {
      throw new Reject("too-late", `the order was due at ${order.due}`);
    }
    return FORWARD;
  }
}

function sum(lines) {
  const whole = Array.isArray(lines) && lines.every((line) => [line?.price, line?.count].every(Number.isFinite));
  if (!whole) {
    throw new Reject("malformed-line", "a line has no price and count");
  }
  return lines.reduce((total, { price, count }) => total + cents(price) * count, 0);
}
