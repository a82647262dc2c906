"""Tests of plugins without an engine: a ``TestHost`` is state, vectors, sketches, timers, tables and log in memory.

    host = TestHost(Clicks)
    [message] = host.send(Event("shop.clicks", key="ada"))

A failed event leaves nothing behind, as in the engine. ``tailrace plugin test`` runs the plugin in the engine's own
sandbox, with its limits.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional, Union

from . import _still
from ._event import Event, Message, Timer, as_payload
from ._failure import Reject, Retry
from ._plugin import Plugin, Verdict, messages, woken
from ._port import install

_MAX_KEY_BYTES = 1024
_MAX_TIMER_NAME_BYTES = 128
_MAX_TIMER_PAYLOAD_BYTES = 64 * 1024
#: More timers that are due at once are likely a plugin that always sets another one.
_MAX_FIRED = 100_000


@dataclass(frozen=True)
class Fired:
    """A timer that has fired, and what came of it."""

    timer: Timer
    #: What ``on_timer`` returned; nothing where it failed.
    messages: list[Message]
    #: The ``Reject`` or ``Retry`` that it raised.
    failure: Union[Reject, Retry, None] = None


class TestHost:
    """An engine for one plugin. ``collections`` are those that the pipeline would declare, by their dimensions.

    ``tables`` holds rows by table and key. A row is given as to ``emit``. Sketches are exact here.
    """

    #: No test itself, whatever its name looks like to a test runner.
    __test__ = False

    def __init__(
        self,
        plugin: type[Plugin],
        config: Any = None,
        *,
        collections: Optional[dict[str, int]] = None,
        metric: str = "cosine",
        tables: Optional[dict[str, dict[str, Any]]] = None,
    ) -> None:
        if metric not in _SCORES:
            raise ValueError(f"{metric!r} is no metric; there are {', '.join(_SCORES)}")
        #: State of the step.
        self.state: dict[str, bytes] = {}
        #: Vectors of each collection.
        self.vectors: dict[str, dict[str, list[float]]] = {name: {} for name in collections or {}}
        #: What was added to each sketch, in order.
        self.sketches: dict[str, list[Any]] = {}
        #: Lines of the log, each with its level.
        self.logs: list[tuple[str, str]] = []
        #: Rows of each table. A test may change them between two events.
        self.tables: dict[str, dict[str, Any]] = {name: dict(rows) for name, rows in (tables or {}).items()}
        #: Timers that have fired so far, oldest first.
        self.fired: list[Fired] = []
        self._timers: dict[tuple[str, str], Timer] = {}
        self._learnt: dict[str, list[Any]] = {}
        self._key, self._sequence = "", 0
        self._dimensions = dict(collections or {})
        self._score = _SCORES[metric]
        self._expiry: dict[str, int] = {}
        self._now = 0
        self._last_sequence = 0
        # Through JSON, as in the engine.
        self._plugin = plugin(json.loads(json.dumps(config)))

    def send(self, event: Event) -> Union[Verdict, list[Message]]:
        """Has an event processed: the messages, or ``FORWARD`` or ``DROP``. ``Reject`` and ``Retry`` are raised.

        Timers that are due by the event's time fire before it; ``fired`` has them.
        """
        if event.sequence == 0:
            event = dataclasses.replace(event, sequence=self._last_sequence + 1)
        self._last_sequence = max(self._last_sequence, event.sequence)
        self.advance_to(event.time)
        self._key, self._sequence = event.key, event.sequence
        return self._call(lambda: _still.begin(event), lambda: messages(self._plugin.process(event)))

    def advance_to(self, time: int) -> list[Fired]:
        """Moves the watermark to a time. Gives the timers that fire, each as if at its own time, in their order.

        The time does not go back.
        """
        until, first = max(self._now, time), len(self.fired)
        while due := [timer for timer in self._timers.values() if timer.at <= until]:
            if len(self.fired) - first == _MAX_FIRED:
                raise RuntimeError(f"{_MAX_FIRED} timers are due; does each of them set another one?")
            self.fired.append(self._fire(min(due, key=lambda timer: (timer.at, timer.key, timer.name))))
        self._begin(until)
        return self.fired[first:]

    def timer(self, key: str, name: str) -> Optional[int]:
        """When the timer of a key is due."""
        timer = self._timers.get((key, name))
        return None if timer is None else timer.at

    def _fire(self, timer: Timer) -> Fired:
        del self._timers[timer.key, timer.name]
        self._begin(timer.at)
        self._key, self._sequence = timer.key, timer.set_by
        try:
            sent = self._call(lambda: _still.wake(timer), lambda: woken(self._plugin.on_timer(timer)))
        except (Reject, Retry) as failure:
            return Fired(timer, [], failure)
        return Fired(timer, sent)

    def _call(self, begin: Callable[[], None], call: Callable[[], Any]) -> Any:
        """Calls the plugin. What a failed call has done is taken back."""
        kept = copy.deepcopy((self.state, self._expiry, self.vectors, self.sketches, self._timers))
        self._learnt = kept[3]
        generator, before = random.getstate(), install(self)
        try:
            begin()
            return call()
        except BaseException:
            self.state, self._expiry, self.vectors, self.sketches, self._timers = kept
            raise
        finally:
            install(before)
            random.setstate(generator)

    def _begin(self, time: int) -> None:
        self._now = max(self._now, time)
        for key in [key for key, end in self._expiry.items() if end <= self._now]:
            self.state_delete(key)

    def state_get(self, key: str) -> Optional[bytes]:
        return self.state.get(_checked(key))

    def state_set(self, key: str, value: bytes, ttl: Optional[int]) -> None:
        self.state[_checked(key)] = value
        self._expiry.pop(key, None)
        if ttl is not None:
            self._expiry[key] = self._now + ttl

    def state_delete(self, key: str) -> None:
        self.state.pop(key, None)
        self._expiry.pop(key, None)

    def state_scan(self, prefix: str, after: Optional[str], limit: int) -> list[tuple[str, bytes]]:
        found = [key for key in self.state if key.startswith(prefix) and (after is None or key > after)]
        return [(key, self.state[key]) for key in sorted(found)[:limit]]

    def vector_get(self, collection: str, id: str) -> Optional[list[float]]:
        held = self._collection(collection).get(id)
        return None if held is None else list(held)

    def vector_set(self, collection: str, id: str, vector: list[float]) -> None:
        self._collection(collection, vector)[_checked(id)] = vector

    def vector_delete(self, collection: str, id: str) -> None:
        self._collection(collection).pop(id, None)

    def vectors_nearest(self, collection: str, query: list[float], k: int) -> list[tuple[str, float]]:
        held = self._collection(collection, query)
        scored = [(id, self._score(query, vector)) for id, vector in held.items()]
        return sorted(scored, key=lambda found: (-found[1], found[0]))[:k]

    def sketch_observe(self, name: str, value: float) -> None:
        self.sketches.setdefault(name, []).append(float(value))

    def sketch_distinct(self, name: str, item: str) -> None:
        self.sketches.setdefault(name, []).append(item)

    def sketch_count(self, name: str, item: str, times: int) -> None:
        self.sketches.setdefault(name, []).append((item, times))

    def sketch_quantile(self, name: str, q: float) -> Optional[float]:
        if not 0 <= q <= 1:
            raise RuntimeError(f"quantile {q} of sketch {name!r} is not between 0 and 1")
        values = sorted(value for value in self._learnt.get(name, ()) if isinstance(value, float))
        return values[int(q * (len(values) - 1))] if values else None

    def sketch_estimate(self, name: str, item: Optional[str]) -> int:
        if item is not None:
            return self._counted(name).get(item, 0)
        return len({value for value in self._learnt.get(name, ()) if isinstance(value, str)})

    def sketch_top(self, name: str, limit: int) -> list[tuple[str, int]]:
        return sorted(self._counted(name).items(), key=lambda found: (-found[1], found[0]))[:limit]

    def sketch_total(self, name: str) -> int:
        return sum(value[1] if isinstance(value, tuple) else 1 for value in self._learnt.get(name, ()))

    def timer_set(self, name: str, at: int, payload: bytes) -> None:
        if len(payload) > _MAX_TIMER_PAYLOAD_BYTES:
            raise RuntimeError(f"a timer's payload has at most {_MAX_TIMER_PAYLOAD_BYTES} bytes, not {len(payload)}")
        self._timers[self._key, _name(name)] = Timer(name, self._key, at, payload, self._sequence)

    def timer_cancel(self, name: str) -> None:
        self._timers.pop((self._key, _name(name)), None)

    def timer_get(self, name: str) -> Optional[int]:
        return self.timer(self._key, _name(name))

    def watermark(self) -> int:
        return self._now

    def table_get(self, table: str, key: str) -> Optional[bytes]:
        if table not in self.tables:
            raise RuntimeError(f"the pipeline declares no table {table!r}; give it to TestHost(…, tables=…)")
        row = self.tables[table].get(key)
        return None if row is None else as_payload(row)

    def log(self, level: str, message: str) -> None:
        self.logs.append((level, message))

    def _counted(self, name: str) -> dict[str, int]:
        counted: dict[str, int] = {}
        for item, times in (value for value in self._learnt.get(name, ()) if isinstance(value, tuple)):
            counted[item] = counted.get(item, 0) + times
        return counted

    def _collection(self, name: str, vector: Optional[list[float]] = None) -> dict[str, list[float]]:
        if name not in self._dimensions:
            raise RuntimeError(f"the pipeline declares no collection {name!r}; give it to TestHost(…, collections=…)")
        if vector is not None and len(vector) != self._dimensions[name]:
            wanted = self._dimensions[name]
            raise RuntimeError(f"a vector of {len(vector)} dimensions for collection {name!r}, which has {wanted}")
        return self.vectors[name]


def _checked(key: str) -> str:
    if len(key.encode()) > _MAX_KEY_BYTES:
        raise RuntimeError(f"a key has at most {_MAX_KEY_BYTES} bytes, not {len(key.encode())}")
    return key


def _name(name: str) -> str:
    if len(name.encode()) > _MAX_TIMER_NAME_BYTES:
        raise RuntimeError(f"a timer's name has at most {_MAX_TIMER_NAME_BYTES} bytes, not {len(name.encode())}")
    return name


def _dot(left: list[float], right: list[float]) -> float:
    return sum(one * other for one, other in zip(left, right))


def _cosine(left: list[float], right: list[float]) -> float:
    lengths = math.sqrt(_dot(left, left) * _dot(right, right))
    return _dot(left, right) / lengths if lengths else 0.0


_SCORES = {
    "cosine": _cosine,
    "dot": _dot,
    "euclidean": lambda left, right: -math.dist(left, right),
}
