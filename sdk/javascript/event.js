// What a plugin receives, and what it emits.

import { fromJson, toBytes, toText } from "./bytes.js";

export class Event {
  constructor({ subject, payload = new Uint8Array(), key = "", headers = [], time = 0, sequence = 0 }) {
    this.subject = subject;
    this.payload = toBytes(payload);
    this.key = key;
    this.headers = pairs(headers);
    this.time = time;
    this.sequence = sequence;
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

export class Message {
  constructor(payload, { subject, key, headers = [] }) {
    this.payload = toBytes(payload);
    this.subject = subject;
    this.key = key;
    this.headers = pairs(headers);
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

function pairs(headers) {
  return Array.isArray(headers) ? headers : Object.entries(headers);
}
