"""Write a Tailrace plugin in Python: one class, one method, testable without WebAssembly.

This plugin is complete::

    from tailrace import Event, Plugin, emit, state

    class Clicks(Plugin):
        def process(self, event: Event):
            count = state.update_json(event.key, lambda count: count + 1, default=0)
            return emit({"user": event.key, "count": count})

And this is its test::

    from tailrace.testing import TestHost

    host = TestHost(Clicks)
    [message] = host.send(Event("shop.clicks", key="ada"))
    assert message.json() == {"user": "ada", "count": 1}

A plugin is a function of the event, its state and its config. It has no clock, no randomness of the system, no files
and no network. Attributes of the class are a cache and may vanish between two events; what must last is state.
"""

from ._event import Event, Message, Timer, emit
from ._failure import Reject, Retry
from ._host import Frequency, Neighbour, log, sketches, state, table, timers, vectors
from ._plugin import DROP, FORWARD, Plugin, Result, TimerResult, Verdict

__all__ = [
    "DROP",
    "FORWARD",
    "Event",
    "Frequency",
    "Message",
    "Neighbour",
    "Plugin",
    "Reject",
    "Result",
    "Retry",
    "Timer",
    "TimerResult",
    "Verdict",
    "emit",
    "log",
    "sketches",
    "state",
    "table",
    "timers",
    "vectors",
]
