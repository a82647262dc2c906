// The two ways in which an event can fail on purpose. Any other error ends the instance with a trap.

/** The event itself is at fault. */
export class Reject extends Error {
  constructor(code, reason) {
    super(`${code}: ${reason}`);
    this.name = "Reject";
    this.code = code;
    this.reason = reason;
  }
}

/** The event is retried under the step's `on-error` policy. */
export class Retry extends Error {
  constructor(reason) {
    super(reason);
    this.name = "Retry";
    this.reason = reason;
  }
}
