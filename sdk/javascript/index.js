// What a plugin imports. Types and their descriptions are in index.d.ts.

export { Event, emit } from "./event.js";
export { Reject, Retry } from "./failure.js";
export { log, sketches, state, table, timers, vectors } from "./host.js";
export { DROP, FORWARD } from "./verdict.js";
