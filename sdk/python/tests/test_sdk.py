"""The SDK natively: what a plugin returns and raises, and what is left of an event that failed."""

import unittest

from tailrace import DROP, FORWARD, Event, Plugin, Reject, Retry, emit, log, sketches, state, vectors
from tailrace.testing import TestHost


class Each(Plugin):
    """Does what the event's subject says."""

    def process(self, event):
        return getattr(self, event.subject)(event)

    def count(self, event):
        count = state.update_json(event.key, lambda count: count + 1, default=0)
        return emit({"count": count}, subject="counts", key="k", headers={"lang": "en"})

    def fail(self, event):
        state.set(event.key, b"lost")
        vectors("items").set("a", [1, 0])
        sketches.count("top", "a")
        raise Retry("later") if event.payload else Reject("bad", "so it is")

    def near(self, event):
        vectors("items").set("a", [1, 0])
        vectors("items").set("b", [0, 1])
        return [emit(found.id) for found in vectors("items").nearest([1, 0.1], 2)]

    def expiring(self, event):
        state.expiring(1000).set("a", b"1")
        log.warn("set")
        return DROP

    def scan(self, event):
        return [emit(value, key=key) for key, value in state.scan("a", limit=2)]

    def read(self, event):
        event.json()
        return FORWARD

    def nothing(self, event):
        pass


class Sdk(unittest.TestCase):
    def setUp(self):
        self.host = TestHost(Each, collections={"items": 2})

    def test_a_message_says_where_it_goes(self):
        [message] = self.host.send(Event("count", key="ada"))
        self.assertEqual((message.json(), message.subject, message.key), ({"count": 1}, "counts", "k"))
        self.assertEqual(message.headers, (("lang", "en"),))

    def test_a_failed_event_leaves_nothing_behind(self):
        with self.assertRaises(Reject) as caught:
            self.host.send(Event("fail", key="ada"))
        self.assertEqual(caught.exception.code, "bad")
        with self.assertRaises(Retry):
            self.host.send(Event("fail", b"x", key="ada"))
        self.assertEqual((self.host.state, self.host.vectors["items"], self.host.sketches), ({}, {}, {}))

    def test_the_nearest_come_first(self):
        self.assertEqual([message.text() for message in self.host.send(Event("near"))], ["a", "b"])

    def test_state_expires_in_event_time(self):
        self.assertIs(self.host.send(Event("expiring", time=5000)), DROP)
        self.assertEqual(self.host.logs, [("warn", "set")])
        self.assertEqual(len(self.host.send(Event("scan", time=5999))), 1)
        self.assertEqual(self.host.send(Event("scan", time=6000)), [])

    def test_a_payload_that_is_no_json_is_rejected(self):
        self.assertIs(self.host.send(Event("read", b"\xef\xbb\xbf{}")), FORWARD)
        for payload in [b"", b"{", b"\xff", b"[" * 100_000]:
            with self.assertRaises(Reject) as caught:
                self.host.send(Event("read", payload))
            self.assertEqual(caught.exception.code, "malformed-json")

    def test_a_plugin_that_returns_nothing_is_told_what_to_return(self):
        with self.assertRaisesRegex(TypeError, "return emit"):
            self.host.send(Event("nothing"))

    def test_a_value_that_json_cannot_hold_is_a_rejection(self):
        for value in [{1, 2}, float("nan")]:
            with self.assertRaises(Reject) as caught:
                emit(value)
            self.assertEqual(caught.exception.code, "unwritable-value")


class Still(unittest.TestCase):
    """In a process of its own: it changes modules of Python."""

    def test_time_and_randomness_are_the_events(self):
        import subprocess
        import sys

        done = subprocess.run([sys.executable, "-c", _STILL], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split("\n")[0], done.stdout.split("\n")[1])


_STILL = """
from tailrace import Event, _still
_still.install()
import os, random, time, uuid
from datetime import date, datetime, timezone
event = Event("a", key="b", time=1_700_000_000_000, sequence=7)
for _ in range(2):
    _still.begin(event)
    print(random.random(), time.time(), datetime.now(timezone.utc).isoformat(), time.strftime("%Y"))
assert time.time() == 1_700_000_000 and time.gmtime().tm_year == 2023
assert date.today().year == 2023 and isinstance(datetime.now(), datetime)
for refused in (time.monotonic, lambda: time.sleep(1), lambda: os.urandom(4), uuid.uuid4, random.SystemRandom().random):
    try:
        refused()
    except RuntimeError as error:
        assert "plugin" in str(error), error
    else:
        raise AssertionError(refused)
"""
