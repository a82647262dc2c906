// The present, for relative times. It ticks slowly, so that pages do not flicker.
const EVERY_MS = 5_000;
export const clock = $state({ nowMs: Date.now() });
setInterval(() => (clock.nowMs = Date.now()), EVERY_MS);
