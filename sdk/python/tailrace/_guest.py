"""The plugin's side of the contract in WebAssembly: what ``componentize-py`` calls, and what the plugin calls.

The bindings hold only what the grants of ``pyproject.toml`` name, so an interface may not be there. An exception that
is neither ``Reject`` nor ``Retry`` ends the instance: its text and place go to ``panics``, and so into the reason of
the failure.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from posix import abort
from typing import Any

from componentize_py_types import Err
from wit_world.imports import panics, types

from . import _sealed, _still
from ._check import plain, shown
from ._event import Timer, received
from ._failure import Reject, Retry, place
from ._plugin import DROP, FORWARD, messages, woken
from ._port import install


def _imported(interface: str) -> Any:
    try:
        return importlib.import_module(f"wit_world.imports.{interface}")
    except ImportError:
        return _Missing(interface)


class _Missing:
    """An interface that the grants do not name."""

    def __init__(self, interface: str) -> None:
        self._interface = interface

    def __getattr__(self, _name: str) -> Any:
        name = self._interface
        raise RuntimeError(
            f"{name} needs its grant: add {name!r} to grants under [tool.tailrace] in pyproject.toml, and to the step"
        )


class _Port:
    """Host functions as imports."""

    def __init__(self) -> None:
        self._state, self._vectors, self._sketches = (_imported(name) for name in ("state", "vectors", "sketches"))
        self._timers, self._tables, self._log = (_imported(name) for name in ("timers", "tables", "log"))

    def state_get(self, key: str) -> Any:
        return self._state.get(key)

    def state_set(self, key: str, value: bytes, ttl: Any) -> None:
        self._state.set(key, value, ttl)

    def state_delete(self, key: str) -> None:
        self._state.delete(key)

    def state_scan(self, prefix: str, after: Any, limit: int) -> Any:
        return [(entry.key, entry.value) for entry in self._state.scan(prefix, after, limit)]

    def vector_get(self, collection: str, id: str) -> Any:
        return self._vectors.get(collection, id)

    def vector_set(self, collection: str, id: str, vector: Any) -> None:
        self._vectors.set(collection, id, vector)

    def vector_delete(self, collection: str, id: str) -> None:
        self._vectors.delete(collection, id)

    def vectors_nearest(self, collection: str, query: Any, k: int) -> Any:
        return [(found.id, found.score) for found in self._vectors.nearest(collection, query, k)]

    def sketch_observe(self, name: str, value: float) -> None:
        self._sketches.observe(name, value)

    def sketch_distinct(self, name: str, item: str) -> None:
        self._sketches.distinct(name, item)

    def sketch_count(self, name: str, item: str, times: int) -> None:
        self._sketches.count(name, item, times)

    def sketch_quantile(self, name: str, q: float) -> Any:
        return self._sketches.quantile(name, q)

    def sketch_estimate(self, name: str, item: Any) -> int:
        return self._sketches.estimate(name, item)

    def sketch_top(self, name: str, limit: int) -> Any:
        return [(found.item, found.times) for found in self._sketches.top(name, limit)]

    def sketch_total(self, name: str) -> int:
        return self._sketches.total(name)

    def timer_set(self, name: str, at: int, payload: bytes) -> None:
        self._timers.set(name, at, payload)

    def timer_cancel(self, name: str) -> None:
        self._timers.cancel(name)

    def timer_get(self, name: str) -> Any:
        return self._timers.get(name)

    def watermark(self) -> int:
        return self._timers.watermark()

    def table_get(self, table: str, key: str) -> Any:
        return self._tables.get(table, key)

    def log(self, level: str, message: str) -> None:
        log = self._log
        log.log(getattr(log.Level, level.upper()), plain(message))


def _last_words(error: BaseException) -> None:
    """Says why and where the plugin ends, and ends it."""
    panics.report(f"{type(error).__name__}: {shown(error)}", plain(place(error)))
    abort()


class Guest:
    """The interfaces ``transform`` and ``timed``, around a class of the plugin."""

    def __init__(self, plugin: type) -> None:
        self._plugin = plugin
        self._instance: Any = None
        install(_Port())

    def configure(self, config: str) -> None:
        """Makes the instance. An error refuses the deployment."""
        _sealed.seal()
        given = json.loads(config)
        try:
            self._instance = self._plugin(given)
        except BaseException as error:
            raise Err(shown(error) or type(error).__name__) from None

    def process(self, event: Any) -> Any:
        """Processes an event."""
        headers = tuple((header.name, header.value) for header in event.headers)
        own = received(event.subject, event.payload, event.key, headers, event.time, event.sequence)
        _still.begin(own)
        return _answer(lambda: _verdict(messages(self._instance.process(own))))

    def on_timer(self, timer: Any) -> Any:
        """Wakes the plugin up."""
        own = Timer(timer.name, timer.key, timer.at, timer.payload, timer.set_by)
        _still.wake(own)
        return _answer(lambda: [_message(message) for message in woken(self._instance.on_timer(own))])


def _answer(call: Callable[[], Any]) -> Any:
    """What a call gives, or how it failed, in the words of the contract."""
    try:
        given = call()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, _sealed.Printed):
                stream.end()
        return given
    except Reject as rejected:
        failure = types.Failure_Invalid(types.Rejection(shown(rejected.code), shown(rejected.reason)))
        raise Err(failure) from None
    except Retry as retried:
        raise Err(types.Failure_Transient(shown(retried.reason))) from None
    except BaseException as error:
        _last_words(error)
        raise


def _verdict(result: Any) -> Any:
    if result is FORWARD:
        return types.Verdict_Forward()
    if result is DROP:
        return types.Verdict_Drop()
    return types.Verdict_Emit([_message(message) for message in result])


def _message(message: Any) -> Any:
    headers = [types.Header(name, value) for name, value in message.headers]
    return types.Message(message.subject, message.key, headers, message.payload)
