"""What a plugin may ask of the engine while it is called: ``state``, ``vectors``, ``sketches``, ``timers``, ``table``,
``log``.

Each function is one call of the interface of the same name in the contract. An interface that is not among the
``grants`` of ``pyproject.toml`` is not there, and its functions say so.

An argument of a wrong type raises ``TypeError``, one out of range ``ValueError``; both name the argument.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional

from . import _check as check
from ._event import as_json, as_payload
from ._failure import Reject
from ._port import port


class State:
    """Keyed state of this step: durable, and rolled back where the event fails. It needs the grant ``state``.

    JSON values can be read over HTTP as they are. A key has at most 1,024 bytes.
    """

    def __init__(self, ttl: Optional[int] = None) -> None:
        self._ttl = ttl

    def expiring(self, milliseconds: int) -> State:
        """The same state, whose writes expire after so much event time."""
        return State(check.whole("milliseconds", milliseconds))

    def get(self, key: str) -> Optional[bytes]:
        """The value of a key."""
        return port().state_get(check.text("key", key))

    def set(self, key: str, value: bytes) -> None:
        """Sets a key."""
        port().state_set(check.text("key", key), check.octets("value", value), self._ttl)

    def delete(self, key: str) -> None:
        """Deletes a key if it is there."""
        port().state_delete(check.text("key", key))

    def scan(self, prefix: str = "", after: Optional[str] = None, limit: int = 100) -> list[tuple[str, bytes]]:
        """Keys that begin with a prefix, with their values, in the order of keys, after the key ``after``."""
        begin, past = check.text("prefix", prefix), check.optional_text("after", after)
        return port().state_scan(begin, past, check.whole("limit", limit, check.MAX_U32))

    def get_json(self, key: str, default: Any = None) -> Any:
        """The value of a key that holds JSON. Another value rejects the event with ``unreadable-state``."""
        value = self.get(key)
        if value is None:
            return default
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            raise Reject("unreadable-state", f"state {key!r} does not decode: {error}") from None

    def set_json(self, key: str, value: Any) -> None:
        """Sets a key to JSON."""
        self.set(key, as_json(value))

    def update_json(self, key: str, change: Callable[[Any], Any], default: Any = None) -> Any:
        """Sets a key to ``change`` of its value, and returns the new value."""
        value = change(self.get_json(key, default))
        self.set_json(key, value)
        return value


class Neighbour(NamedTuple):
    """A result of a search. A higher score is nearer."""

    id: str
    score: float


class Vectors:
    """A collection of embeddings that the pipeline declares. It needs the grant ``vectors``."""

    def __init__(self, collection: str) -> None:
        self._collection = check.text("collection", collection)

    def get(self, id: str) -> Optional[list[float]]:
        """The vector of an id."""
        return port().vector_get(self._collection, check.text("id", id))

    def set(self, id: str, vector: Sequence[float]) -> None:
        """Sets the vector of an id. Numbers are kept in single precision."""
        port().vector_set(self._collection, check.text("id", id), check.numbers("vector", vector))

    def delete(self, id: str) -> None:
        """Deletes an id if it is there."""
        port().vector_delete(self._collection, check.text("id", id))

    def nearest(self, query: Sequence[float], k: int) -> list[Neighbour]:
        """The ``k`` nearest vectors, nearest first."""
        near, most = check.numbers("query", query), check.whole("k", k, check.MAX_U32)
        return [Neighbour(*found) for found in port().vectors_nearest(self._collection, near, most)]


class Frequency(NamedTuple):
    """An item of a sketch of the most frequent items. It occurred at most so many times."""

    item: str
    times: int


class Sketches:
    """The sketches that the pipeline declares. They need the grant ``sketches``.

    Reads answer as of the last commit before this event's batch. A sketch with windows or groups cannot be read.
    """

    def observe(self, name: str, value: float) -> None:
        """Adds a value to a sketch of quantiles."""
        port().sketch_observe(check.text("name", name), check.number("value", value))

    def distinct(self, name: str, item: str) -> None:
        """Adds an item to a sketch of distinct items."""
        port().sketch_distinct(check.text("name", name), check.text("item", item))

    def count(self, name: str, item: str, times: int = 1) -> None:
        """Adds occurrences of an item to a sketch of the most frequent items."""
        port().sketch_count(check.text("name", name), check.text("item", item), check.whole("times", times))

    def quantile(self, name: str, q: float) -> Optional[float]:
        """The quantile ``q``, from 0 to 1, of a sketch of quantiles. An empty sketch has none."""
        return port().sketch_quantile(check.text("name", name), check.number("q", q))

    def estimate(self, name: str, item: Optional[str] = None) -> int:
        """How many different items a sketch of distinct items has seen. With an item, how often it was counted."""
        return port().sketch_estimate(check.text("name", name), check.optional_text("item", item))

    def top(self, name: str, limit: int) -> list[Frequency]:
        """At most ``limit`` of the most frequent items, the most frequent first."""
        most = check.whole("limit", limit, check.MAX_U32)
        return [Frequency(*found) for found in port().sketch_top(check.text("name", name), most)]

    def total(self, name: str) -> int:
        """How many values, items or occurrences a sketch has taken in."""
        return port().sketch_total(check.text("name", name))


class Timers:
    """Wake-ups in event time: durable, and part of what the event does. They need the grant ``timers``.

    A timer belongs to this step and to the event's key. Each key has one timer of a name.
    """

    def set(self, name: str, at: int, payload: Any = b"") -> None:
        """Has ``on_timer`` called at a time, in milliseconds since the Unix epoch. Setting it again moves it.

        The payload comes back there. It is given as to ``emit``, and has at most 64 KiB.
        """
        port().timer_set(check.text("name", name), check.whole("at", at), as_payload(payload))

    def cancel(self, name: str) -> None:
        """Cancels a timer if it is there."""
        port().timer_cancel(check.text("name", name))

    def get(self, name: str) -> Optional[int]:
        """When a timer is due."""
        return port().timer_get(check.text("name", name))

    def watermark(self) -> int:
        """The watermark in milliseconds since the Unix epoch. In ``on_timer`` it is the time of the timer."""
        return port().watermark()


class Table:
    """A table of the pipeline, read only. It needs the grant ``tables``. A row is the newest value of its key."""

    def __init__(self, name: str) -> None:
        self._name = check.text("name", name)

    def get(self, key: str) -> Optional[bytes]:
        """The row of a key."""
        return port().table_get(self._name, check.text("key", key))

    def get_json(self, key: str, default: Any = None) -> Any:
        """The row of a key, read as JSON. A row that does not read rejects the event with ``invalid-row``."""
        row = self.get(key)
        if row is None:
            return default
        try:
            return json.loads(row)
        except (ValueError, RecursionError) as error:
            reason = f"the row of table {self._name} with the key {key!r}: {error}"
            raise Reject("invalid-row", reason) from None


class Log:
    """Log lines for the author of the plugin. They need the grant ``log``."""

    def debug(self, message: Any) -> None:
        """Writes a line: a text, or the text of any value."""
        port().log("debug", check.shown(message))

    def info(self, message: Any) -> None:
        """Writes a line: a text, or the text of any value."""
        port().log("info", check.shown(message))

    def warn(self, message: Any) -> None:
        """Writes a line: a text, or the text of any value."""
        port().log("warn", check.shown(message))

    def error(self, message: Any) -> None:
        """Writes a line: a text, or the text of any value."""
        port().log("error", check.shown(message))


state = State()
sketches = Sketches()
timers = Timers()
log = Log()
vectors = Vectors
table = Table
