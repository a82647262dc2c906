"""Does what the last word of the subject says: each host function, each verdict, each failure, each limit."""

import random
import time

from tailrace import DROP, FORWARD, Event, Plugin, Reject, Retry, emit, log, sketches, state, vectors

ITEMS = vectors("items")


def numbers(text):
    return [float(word) for word in text.split()]


class Conform(Plugin):
    def process(self, event: Event):
        name = event.subject.removeprefix("c.").replace("-", "_")
        return getattr(self, name)(event)

    def forward(self, event):
        return FORWARD

    def drop(self, event):
        return DROP

    def emit(self, event):
        first = emit(event.payload, subject="results.a", key="k", headers={"h": "v"})
        return [first, emit(f"{event.sequence} {event.time} {event.key} {event.header('x')}")]

    def set(self, event):
        ttl = event.header("ttl")
        to = state.expiring(int(ttl)) if ttl else state
        to.set(event.header("key"), event.payload)
        return DROP

    def get(self, event):
        return emit(state.get(event.header("key")) or "none")

    def scan(self, event):
        found = state.scan(event.header("prefix"), event.header("after"), 10)
        return emit(" ".join(f"{key}={value.decode()}" for key, value in found))

    def delete(self, event):
        state.delete(event.header("key"))
        return DROP

    def vector_set(self, event):
        ITEMS.set(event.header("id"), numbers(event.text()))
        return DROP

    def vector_get(self, event):
        found = ITEMS.get(event.header("id"))
        return emit("none" if found is None else " ".join(f"{number:.2f}" for number in found))

    def nearest(self, event):
        found = ITEMS.nearest(numbers(event.text()), 2)
        return emit(" ".join(f"{one.id}={one.score:.2f}" for one in found))

    def vector_delete(self, event):
        ITEMS.delete(event.header("id"))
        return DROP

    def sketches(self, event):
        sketches.observe("amounts", 7.5)
        sketches.distinct("users", "ada")
        sketches.count("titles", "tea", 2)
        return DROP

    def log(self, event):
        for line in (log.debug, log.info, log.warn, log.error):
            line(event.text())
        return DROP

    def time(self, event):
        return emit(str(time.time_ns() // 1_000_000))

    def random(self, event):
        return emit(str(random.random()))

    def json(self, event):
        return emit(event.json()["user"])

    def reject(self, event):
        state.set("lost", b"1")
        raise Reject("not-today", "it is sunday")

    def retry(self, event):
        state.set("lost", b"1")
        raise Retry("later")

    def panic(self, event):
        state.set("lost", b"1")
        raise ValueError(event.text())

    def undeclared(self, event):
        vectors("undeclared").get("a")

    def messages(self, event):
        return [emit("m") for _ in range(int(event.text()))]

    def writes(self, event):
        for number in range(int(event.text())):
            state.set(f"w/{number}", b"1")
        return DROP

    def bytes(self, event):
        return emit(b"b" * int(event.text()))

    def log_lines(self, event):
        for _ in range(int(event.text())):
            log.info("line")
        return DROP

    def spin(self, event):
        while True:
            pass

    def eat(self, event):
        eaten = []
        while True:
            eaten.append(bytearray(1 << 20))
