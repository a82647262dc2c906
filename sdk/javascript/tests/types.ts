// The types of what a plugin in TypeScript writes. A new project's own compiler checks this file; nothing runs it.

import { DROP, emit, sketches, table, timers, type Event, type Plugin, type Result, type Timer } from "tailrace";
import { TestHost } from "tailrace/testing";

interface Customer {
  tier: string;
}

export class Timed implements Plugin {
  process(event: Event): Result {
    const customer = table("customers").getJson<Customer>(event.key);
    const usual: number | undefined = sketches.quantile("amounts", 0.99);
    const seen: number = sketches.estimate("users") + sketches.estimate("titles", "tea") + sketches.total("titles");
    const names: string[] = sketches.top("titles", 3).map(({ item, times }) => `${item} ${times}`);
    timers.set("end", event.time + 60_000, { tier: customer?.tier ?? "none", usual, seen, names });
    return DROP;
  }

  onTimer(timer: Timer) {
    timers.cancel("end");
    const late: number = timers.watermark() - (timers.get("end") ?? timer.at);
    return emit({ key: timer.key, late, set: timer.json(), by: timer.setBy });
  }
}

export class Untimed implements Plugin {
  process(): Result {
    return DROP;
  }
}

export class Forwarding implements Plugin {
  process(event: Event) {
    return emit(event.payload);
  }

  // @ts-expect-error A timer is no event that could go on.
  onTimer() {
    return "forward";
  }
}

const host = new TestHost(Timed, { tables: { customers: { ada: { tier: "gold" } } } });
host.tables["customers"]?.set("eve", "bytes or text");
for (const { timer, messages, failure } of host.advanceTo(60_000)) {
  const told: [string, number, string | undefined] = [timer.name, messages.length, failure?.reason];
  console.log(told, host.timer(timer.key, timer.name), host.fired.length);
}
