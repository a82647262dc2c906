"""The SDK natively: what a plugin returns and raises, and what is left of an event that failed."""

import json
import unittest

from tailrace import (
    DROP,
    FORWARD,
    Event,
    Plugin,
    Reject,
    Retry,
    emit,
    log,
    sketches,
    state,
    table,
    timers,
    vectors,
)
from tailrace._failure import place
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


def called(call):
    """What a plugin makes of a call; it causes no message."""

    class Calling(Plugin):
        def process(self, event):
            call()
            return DROP

    host = TestHost(Calling, collections={"items": 2})
    host.send(Event("a", key="ada"))
    return host


class Checks(unittest.TestCase):
    def test_a_number_that_the_engine_cannot_hold_is_refused_by_its_name(self):
        calls = {
            "at": lambda value: timers.set("t", value),
            "milliseconds": state.expiring,
            "limit": lambda value: state.scan(limit=value),
            "k": lambda value: vectors("items").nearest([1, 0], value),
            "times": lambda value: sketches.count("top", "a", value),
        }
        for name, call in calls.items():
            for value in [-1, 2**64, 10**9000]:
                with self.assertRaisesRegex(ValueError, f"^{name} is "):
                    called(lambda: call(value))
            for value in [60_000 / 2, float("nan"), "5", None, [1]]:
                with self.assertRaisesRegex(TypeError, f"^{name} is "):
                    called(lambda: call(value))
        with self.assertRaisesRegex(ValueError, "^limit is "):
            called(lambda: sketches.top("top", -1))
        self.assertEqual(called(lambda: timers.set("t", 2**64 - 1)).timer("ada", "t"), 2**64 - 1)

    def test_an_argument_of_a_wrong_type_is_refused_by_its_name(self):
        calls = {
            "key": [lambda: state.get(5), lambda: state.set_json(None, 1), lambda: emit({}, key=5)],
            "value": [lambda: state.set("k", "text"), lambda: state.set("k", 5), lambda: sketches.observe("q", "5")],
            "subject": [lambda: emit({}, subject=b"a")],
            "headers": [lambda: emit({}, headers=5), lambda: emit({}, headers=["ab"])],
            "the header n": [lambda: emit({}, headers=[("n", 5)]), lambda: emit({}, headers={"n": None})],
            "item": [lambda: sketches.distinct("d", 5), lambda: sketches.estimate("d", 5)],
            "name": [lambda: timers.cancel(5), lambda: sketches.total(None), lambda: table(5)],
            r"vector\[1\]": [lambda: vectors("items").set("a", [1, "x"])],
            "vector": [lambda: vectors("items").set("a", "12")],
            "collection": [lambda: vectors(5)],
            "time": [lambda: Event("a", time=1.5)],
        }
        for name, all_of_it in calls.items():
            for call in all_of_it:
                with self.assertRaisesRegex(TypeError, f"^{name} "):
                    called(call)
        for value in [float("nan"), float("inf"), 10**400]:
            with self.assertRaisesRegex(ValueError, "^value is "):
                called(lambda: sketches.observe("q", value))

    def test_text_that_utf_8_cannot_hold_crosses_as_a_replacement(self):
        half, held = "a\ud800\udfffb", "a\ufffd\ufffdb"

        def call():
            state.set_json(half, {half: half})
            sketches.distinct(half, half)
            timers.set(half, 5, half)
            log.info(half)

        host = called(call)
        self.assertEqual(host.state, {held: json.dumps({held: held}, separators=(",", ":"), ensure_ascii=False).encode()})
        self.assertEqual((host.sketches, host.logs), ({held: [held]}, [("info", held)]))
        self.assertEqual(host.timer("ada", held), 5)
        message = emit(half, subject=half, key=half, headers={half: half})
        self.assertEqual((message.text(), message.subject, message.key), (held, held, held))
        self.assertEqual(message.headers, ((held, held),))

    def test_a_log_line_is_the_text_of_any_value(self):
        class Mute(Exception):
            def __str__(self):
                raise KeyError("none")

        host = called(lambda: [log.info(value) for value in (5, None, ValueError("x"), Mute())])
        lines = [line for _, line in host.logs]
        self.assertEqual(lines, ["5", "None", "x", "<Mute, whose text raises KeyError>"])

    def test_the_place_of_an_error_is_a_line_of_the_plugin(self):
        for call in (lambda: state.expiring(-1), lambda: emit({}, key=5), lambda: json.loads("{")):
            try:
                call()
            except (ValueError, TypeError) as error:
                self.assertEqual(place(error), f"{call.__code__.co_filename}:{call.__code__.co_firstlineno}")
            else:
                self.fail("it raises")


class Waking(Plugin):
    """Sets and cancels the timers that a payload names, and wakes up as their names say."""

    def process(self, event):
        for name, at in (event.json() if event.payload else {}).items():
            timers.set(name, at, name.upper()) if at is not None else timers.cancel(name)
        return emit([timers.get("a"), timers.watermark()])

    def on_timer(self, timer):
        state.set(f"{timer.key}/{timer.name}", timer.payload)
        if timer.name == "again":
            timers.set("a", timer.at + 1)
        if timer.name == "bad":
            raise Reject("bad", timer.text())
        if timer.name == "forward":
            return FORWARD
        if timer.name == "still":
            return DROP
        return emit([timer.key, timer.at, timer.set_by, timers.watermark()])


class Timers(unittest.TestCase):
    def setUp(self):
        self.host = TestHost(Waking)

    def set(self, names, time=0, key="ada"):
        return self.host.send(Event("set", names, key=key, time=time))

    def test_a_timer_fires_at_its_own_time_and_once(self):
        [message] = self.set({"a": 500}, time=100)
        self.assertEqual(message.json(), [500, 100])
        self.assertEqual(self.host.timer("ada", "a"), 500)
        self.assertEqual(self.host.advance_to(499), [])
        [fired] = self.host.advance_to(900)
        self.assertEqual((fired.timer.text(), fired.messages[0].json()), ("A", ["ada", 500, 1, 500]))
        self.assertEqual(self.host.advance_to(1000), [])

    def test_events_fire_what_is_due_before_them(self):
        self.set({"a": 500, "b": 400}, key="bob")
        self.set({"a": 400, "again": 450})
        [message] = self.set({}, time=500)
        self.assertEqual(message.json(), [None, 500])
        fired = [(one.timer.at, one.timer.key, one.timer.name) for one in self.host.fired]
        wanted = [(400, "ada", "a"), (400, "bob", "b"), (450, "ada", "again"), (451, "ada", "a"), (500, "bob", "a")]
        self.assertEqual(fired, wanted)

    def test_a_timer_is_moved_and_cancelled(self):
        self.set({"a": 500, "b": 500})
        self.set({"a": 700, "b": None})
        self.assertEqual([one.timer.at for one in self.host.advance_to(900)], [700])

    def test_a_failed_timer_leaves_nothing_behind_and_is_gone(self):
        self.set({"bad": 5})
        [fired] = self.host.advance_to(5)
        self.assertEqual((fired.failure.code, fired.failure.reason, fired.messages), ("bad", "BAD", []))
        self.assertEqual((self.host.state, self.host.timer("ada", "bad")), ({}, None))

    def test_a_timer_may_cause_no_message_and_cannot_go_on(self):
        self.set({"still": 5, "forward": 6})
        self.assertEqual(self.host.advance_to(5)[0].messages, [])
        with self.assertRaisesRegex(TypeError, "on_timer returned FORWARD"):
            self.host.advance_to(6)

    def test_a_list_with_something_else_in_it_is_refused_with_its_place(self):
        class Wrong(Plugin):
            def process(self, event):
                return [emit({"n": 1}), {"n": 2}]

        with self.assertRaisesRegex(TypeError, "a list whose item 1 is dict"):
            TestHost(Wrong).send(Event("k"))

    def test_a_plugin_without_a_handler_rejects_its_timers(self):
        class Deaf(Plugin):
            def process(self, event):
                timers.set("end", 5)
                return DROP

        host = TestHost(Deaf)
        host.send(Event("set"))
        self.assertEqual(host.advance_to(5)[0].failure.code, "no-on-timer")

    def test_limits_of_timers_are_those_of_the_engine(self):
        with self.assertRaisesRegex(RuntimeError, "128 bytes"):
            self.set({"n" * 129: 5})


class Reading(Plugin):
    def process(self, event):
        found = [
            sketches.quantile("amounts", 0.5),
            sketches.estimate("users"),
            sketches.estimate("titles", "tea"),
            sketches.top("titles", 1),
            [sketches.total(name) for name in ("amounts", "users", "titles")],
        ]
        sketches.observe("amounts", 7)
        sketches.distinct("users", "ada")
        sketches.count("titles", "tea", 2)
        sketches.count("titles", "ale")
        return emit(found)


class Reads(unittest.TestCase):
    def test_sketches_tell_what_events_before_have_added(self):
        host = TestHost(Reading)
        found = [host.send(Event("read"))[0].json() for _ in range(3)]
        self.assertEqual(found[0], [None, 0, 0, [], [0, 0, 0]])
        self.assertEqual(found[2], [7, 1, 4, [["tea", 4]], [2, 2, 6]])

    def test_rows_are_looked_up(self):
        class Tier(Plugin):
            def process(self, event):
                return emit(table("customers").get_json(event.key, {"tier": "none"})["tier"])

        host = TestHost(Tier, tables={"customers": {"ada": {"tier": "gold"}, "bad": "{"}})
        self.assertEqual([host.send(Event("a", key=key))[0].text() for key in ("ada", "eve")], ["gold", "none"])
        with self.assertRaises(Reject) as caught:
            host.send(Event("a", key="bad"))
        self.assertEqual(caught.exception.code, "invalid-row")
        with self.assertRaisesRegex(RuntimeError, "tables="):
            del host.tables["customers"]
            host.send(Event("a", key="ada"))


class Still(unittest.TestCase):
    """In a process of its own: it changes modules of Python."""

    def test_time_and_randomness_are_the_events(self):
        import subprocess
        import sys

        done = subprocess.run([sys.executable, "-c", _STILL], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split("\n")[0], done.stdout.split("\n")[1])


_STILL = """
from tailrace import Event, _port, _sealed, _still
_still.install()
import io, os, pathlib, random, secrets, socket, sys, tempfile, threading, time, uuid
from datetime import date, datetime, timezone
event = Event("a", key="b", time=1_700_000_000_000, sequence=7)
for _ in range(2):
    _still.begin(event)
    print(random.random(), time.time(), datetime.now(timezone.utc).isoformat(), time.strftime("%Y"))
assert time.time() == 1_700_000_000 and time.gmtime().tm_year == 2023
assert date.today().year == 2023 and isinstance(datetime.now(), datetime)
assert random.Random(5).random() == random.Random(5).random()
here = pathlib.Path(_still.__file__)
assert here.read_text().startswith('"'), "there are files while the build loads the plugin"

class Log:
    lines = []
    def log(self, level, line):
        self.lines.append((level, line))

real = sys.stdout
_port.install(Log())
_sealed.seal()

def import_late():
    import smtplib

def read_input():
    for _ in sys.stdin:
        pass

for refused in (
    time.monotonic, lambda: time.sleep(1), lambda: time.clock_gettime(0), lambda: os.urandom(4),
    uuid.uuid4, uuid.uuid1, random.Random, random.seed, random.SystemRandom().random, random.SystemRandom().randbytes,
    lambda: random.SystemRandom().choice([1]), lambda: secrets.choice([1]), secrets.token_hex,
    lambda: open("x"), lambda: io.open("x"), here.read_text, lambda: os.listdir("."), os.getcwd, os.abort,
    tempfile.mkstemp, tempfile.TemporaryDirectory, socket.socket, lambda: socket.getaddrinfo("a", 1),
    threading.Thread(target=print).start, lambda: threading.Event().wait(1), input, sys.stdin.read, read_input,
    sys.stdout.fileno, import_late,
):
    try:
        refused()
    except (RuntimeError, OSError, ImportError) as error:
        assert "plugin" in str(error), error
    else:
        raise AssertionError(refused)

def fall_back():
    try:
        import orjson_of_nobody
    except ImportError as error:
        return error
error = fall_back()
assert error.name == "orjson_of_nobody" and f":{fall_back.__code__.co_firstlineno + 2} " in str(error), error
import importlib.util, logging
assert importlib.util.find_spec("orjson_of_nobody") is None and not os.path.exists("x")
assert datetime.strptime("2024-01-02", "%Y-%m-%d").day == 2 and time.strptime("2024", "%Y").tm_year == 2024
assert (b"\\x80".decode("cp1252"), b"\\x82\\xa0".decode("shift_jis")) == ("\\u20ac", "\\u3042")
import statistics, traceback
logging.warning("by logging")
try:
    1 / 0
except ZeroDivisionError:
    assert "ZeroDivisionError" in traceback.format_exc()
sys.stdout.writelines(["one\\n", "two"])
sys.stdout.buffer.write(b" three\\n")
print("half", end="", flush=True, file=sys.stderr)
assert not sys.stdout.isatty() and sys.stdout.writable() and sys.stdout.encoding == "utf-8"
sys.stderr.end()
assert Log.lines == [
    ("warn", "WARNING:root:by logging"), ("info", "one"), ("info", "two three"), ("warn", "half"),
], Log.lines
"""
