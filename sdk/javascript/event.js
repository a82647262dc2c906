// What a plugin receives, and what it emits.

import { fromJson, toBytes, toText } from "./bytes.js";
import * as check from "./check.js";

export class Event {
  constructor({ subject, payload = new Uint8Array(), key = "", headers = [], time = 0, sequence = 0 }) {
    this.subject = check.text("subject", subject);
    this.payload = toBytes(payload);
    this.key = check.text("key", key);
    this.headers = check.headers(headers);
    this.time = check.whole("time", time);
    this.sequence = check.whole("sequence", sequence);
  }

  json() {
    return fromJson(this.payload, "malformed-json", "the payload does not read");
  }

  text() {
    return toText(this.payload);
  }

  header(name) {
    return this.headers.find(([found]) => found === name)?.[1];
  }
}

/** A timer that is due. */
export class Timer {
  constructor({ name, key = "", at, payload = new Uint8Array(), setBy = 0 }) {
    this.name = name;
    this.key = key;
    this.at = at;
    this.payload = toBytes(payload);
    this.setBy = setBy;
  }

  json() {
    return fromJson(this.payload, "malformed-json", "the payload does not read");
  }

  text() {
    return toText(this.payload);
  }
}

export class Message {
  constructor(payload, { subject, key, headers = [] }) {
    this.payload = toBytes(payload);
    this.subject = check.optionalText("subject", subject);
    this.key = check.optionalText("key", key);
    this.headers = check.headers(headers);
  }

  json() {
    return fromJson(this.payload, "malformed-json", "the payload does not read");
  }

  text() {
    return toText(this.payload);
  }
}

export function emit(payload, options = {}) {
  return new Message(payload, options);
}
