"""Does what the last word of the subject says: each host function, each verdict, each failure, each limit."""

import datetime
import json
import logging
import os
import random
import sys
import threading
import time

from tailrace import (
    DROP,
    FORWARD,
    Event,
    Plugin,
    Reject,
    Retry,
    Timer,
    emit,
    log,
    sketches,
    state,
    table,
    timers,
    vectors,
)

ITEMS = vectors("items")
TIERS = table("tiers")


def numbers(text):
    return [float(word) for word in text.split()]


class Mute(Exception):
    def __str__(self):
        raise KeyError("none")


def throw(error):
    raise error


def late(event):
    import smtplib

    return smtplib


def fall_back(event):
    try:
        import orjson_of_nobody
    except ImportError:
        return "json"
    return orjson_of_nobody


def preloaded(event):
    import statistics

    return statistics.mean([1, 3])


def uuid4(event):
    import uuid

    return uuid.uuid4()


def log_anything(event):
    log.info(5)
    log.error(ValueError("x"))
    logging.warning("by logging")
    sys.stdout.writelines(["one\n", "tw"])
    sys.stdout.buffer.write(b"o\n")


def halves(event):
    print("a\ud800")
    sketches.distinct("users", "\ud800")
    state.set_json("k\ud800", "v\ud800")
    return "\ud800"


FAULTS = {
    "strptime": lambda event: datetime.datetime.strptime("2024-01-02", "%Y-%m-%d").day,
    "time.strptime": lambda event: time.strptime("2024", "%Y").tm_year,
    "cp1252": lambda event: b"\x80".decode("cp1252"),
    "preloaded": preloaded,
    "late": late,
    "fall-back": fall_back,
    "float": lambda event: timers.set("end", event.time + 60_000 / 2),
    "negative": lambda event: timers.set("end", -1),
    "expiring": lambda event: state.expiring(-1),
    "limit": lambda event: state.scan(limit=-1),
    "log": log_anything,
    "key": lambda event: emit({}, key=5),
    "headers": lambda event: emit({}, headers=[("n", 5)]),
    "item": lambda event: sketches.distinct("users", 5),
    "value": lambda event: sketches.observe("amounts", "5"),
    "halves": halves,
    "raised": lambda event: throw(ValueError("a\ud800")),
    "rejected": lambda event: throw(Reject("c\ud800", "r\ud800")),
    "mute": lambda event: throw(Mute()),
    "generator": lambda event: random.Random(),
    "seeded": lambda event: random.Random(5).randrange(1) + random.Random(event.sequence).randrange(1),
    "system": lambda event: random.SystemRandom().choice([1]),
    "uuid4": uuid4,
    "fileno": lambda event: sys.stdout.fileno(),
    "stdin": lambda event: sys.stdin.read(),
    "open": lambda event: open("x"),
    "cwd": lambda event: os.getcwd(),
    "thread": lambda event: threading.Thread(target=print).start(),
    "sleep": lambda event: time.sleep(1),
    "today": lambda event: datetime.date.today(),
    "exit": lambda event: sys.exit(3),
}


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
        sketches.observe("amounts", 7)
        sketches.distinct("users", "ada")
        sketches.count("titles", "tea", 2)
        return DROP

    def learnt(self, event):
        median, users = sketches.quantile("amounts", 0.5), sketches.estimate("users")
        tea, [top] = sketches.estimate("titles", "tea"), sketches.top("titles", 5)
        return emit(f"{median:.0f} {users} {tea} {top.item}={top.times} {sketches.total('titles')}")

    def row(self, event):
        return emit(TIERS.get(event.header("key")) or "none")

    def watermark(self, event):
        return emit(str(timers.watermark()))

    def timers(self, event):
        if name := event.header("set"):
            timers.set(name, int(event.header("at")), event.payload)
        elif name := event.header("cancel"):
            timers.cancel(name)
        else:
            at = timers.get(event.header("get"))
            return emit("none" if at is None else str(at))
        return DROP

    def on_timer(self, timer: Timer):
        match timer.name:
            case "keep":
                state.set("woken", timer.payload)
                timers.set("say-again", timer.at + 10_000, timer.payload)
                return DROP
            case "many":
                return [emit("m") for _ in range(int(timer.text()))]
            case "reject" | "retry" | "panic":
                return getattr(self, timer.name)(timer)
        clock = time.time_ns() // 1_000_000
        shown = [timer.name, timer.key, timer.at, timer.set_by, timer.text(), timers.watermark(), clock]
        return emit(" ".join(map(str, shown)), subject="results.a")

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

    def fault(self, event):
        """What is easily got wrong in Python. Each has a case in ``cases.jsonl`` beside this file."""
        return emit(str(FAULTS[event.text()](event)))

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
