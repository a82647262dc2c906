"""What a plugin may ask of the engine while it processes an event: ``state``, ``vectors``, ``sketches``, ``log``.

Each function is one call of the interface of the same name in the contract. An interface that is not among the
``grants`` of ``pyproject.toml`` is not there, and its functions say so. A misuse ends the event with a trap.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional

from ._event import as_json
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
        return State(milliseconds)

    def get(self, key: str) -> Optional[bytes]:
        """The value of a key."""
        return port().state_get(key)

    def set(self, key: str, value: bytes) -> None:
        """Sets a key."""
        port().state_set(key, bytes(value), self._ttl)

    def delete(self, key: str) -> None:
        """Deletes a key if it is there."""
        port().state_delete(key)

    def scan(self, prefix: str = "", after: Optional[str] = None, limit: int = 100) -> list[tuple[str, bytes]]:
        """Keys that begin with a prefix, with their values, in the order of keys, after the key ``after``."""
        return port().state_scan(prefix, after, limit)

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
        self._collection = collection

    def get(self, id: str) -> Optional[list[float]]:
        """The vector of an id."""
        return port().vector_get(self._collection, id)

    def set(self, id: str, vector: Sequence[float]) -> None:
        """Sets the vector of an id. Numbers are kept in single precision."""
        port().vector_set(self._collection, id, list(vector))

    def delete(self, id: str) -> None:
        """Deletes an id if it is there."""
        port().vector_delete(self._collection, id)

    def nearest(self, query: Sequence[float], k: int) -> list[Neighbour]:
        """The ``k`` nearest vectors, nearest first."""
        return [Neighbour(*found) for found in port().vectors_nearest(self._collection, list(query), k)]


class Sketches:
    """The sketches that the pipeline declares. A plugin can only write to them. They need the grant ``sketches``."""

    def observe(self, name: str, value: float) -> None:
        """Adds a value to a sketch of quantiles."""
        port().sketch_observe(name, value)

    def distinct(self, name: str, item: str) -> None:
        """Adds an item to a sketch of distinct items."""
        port().sketch_distinct(name, item)

    def count(self, name: str, item: str, times: int = 1) -> None:
        """Adds occurrences of an item to a sketch of the most frequent items."""
        port().sketch_count(name, item, times)


class Log:
    """Log lines for the author of the plugin. They need the grant ``log``."""

    def debug(self, message: str) -> None:
        """Writes a line."""
        port().log("debug", message)

    def info(self, message: str) -> None:
        """Writes a line."""
        port().log("info", message)

    def warn(self, message: str) -> None:
        """Writes a line."""
        port().log("warn", message)

    def error(self, message: str) -> None:
        """Writes a line."""
        port().log("error", message)


state = State()
sketches = Sketches()
log = Log()
vectors = Vectors
