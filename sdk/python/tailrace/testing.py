"""Tests of plugins without an engine: a ``TestHost`` is state, vectors, sketches and log in memory.

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
from typing import Any, Optional, Union

from . import _still
from ._event import Event, Message
from ._plugin import Plugin, Verdict, messages
from ._port import install

_MAX_KEY_BYTES = 1024


class TestHost:
    """An engine for one plugin. ``collections`` are those that the pipeline would declare, by their dimensions."""

    #: No test itself, whatever its name looks like to a test runner.
    __test__ = False

    def __init__(
        self,
        plugin: type[Plugin],
        config: Any = None,
        *,
        collections: Optional[dict[str, int]] = None,
        metric: str = "cosine",
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
        self._dimensions = dict(collections or {})
        self._score = _SCORES[metric]
        self._expiry: dict[str, int] = {}
        self._now = 0
        self._last_sequence = 0
        # Through JSON, as in the engine.
        self._plugin = plugin(json.loads(json.dumps(config)))

    def send(self, event: Event) -> Union[Verdict, list[Message]]:
        """Has an event processed: the messages, or ``FORWARD`` or ``DROP``. ``Reject`` and ``Retry`` are raised."""
        if event.sequence == 0:
            event = dataclasses.replace(event, sequence=self._last_sequence + 1)
        self._last_sequence = max(self._last_sequence, event.sequence)
        self._begin(event.time)
        kept = copy.deepcopy((self.state, self._expiry, self.vectors, self.sketches))
        generator, before = random.getstate(), install(self)
        try:
            _still.begin(event)
            return messages(self._plugin.process(event))
        except BaseException:
            self.state, self._expiry, self.vectors, self.sketches = kept
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
        self.sketches.setdefault(name, []).append(value)

    def sketch_distinct(self, name: str, item: str) -> None:
        self.sketches.setdefault(name, []).append(item)

    def sketch_count(self, name: str, item: str, times: int) -> None:
        self.sketches.setdefault(name, []).append((item, times))

    def log(self, level: str, message: str) -> None:
        self.logs.append((level, message))

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
