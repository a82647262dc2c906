"""The plugin's side of the contract in WebAssembly: what ``componentize-py`` calls, and what the plugin calls.

The bindings hold only what the grants of ``pyproject.toml`` name, so an interface may not be there. An exception that
is neither ``Reject`` nor ``Retry`` ends the instance: its text and place go to ``panics``, and so into the reason of
the failure.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

from componentize_py_types import Err
from wit_world.imports import panics, types

from . import _still
from ._event import Event
from ._failure import Reject, Retry
from ._plugin import DROP, FORWARD, messages
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
        state, vectors, sketches = (_imported(name) for name in ("state", "vectors", "sketches"))
        self._state, self._vectors, self._log = state, vectors, _imported("log")
        self._sketches = sketches

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

    def log(self, level: str, message: str) -> None:
        log = self._log
        log.log(getattr(log.Level, level.upper()), message)


class _Printed:
    """Standard output and error: whole lines become lines of the log."""

    encoding = "utf-8"

    def __init__(self, port: _Port, level: str) -> None:
        self._port, self._level, self._line = port, level, ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._port.log(self._level, line)
        return len(text)

    def flush(self) -> None:
        """Lines go out when they end."""

    def isatty(self) -> bool:
        return False


def _last_words(error: BaseException) -> None:
    """Says why and where the plugin ends, and ends it."""
    panics.report(f"{type(error).__name__}: {error}", _place(error))
    os.abort()


def _place(error: BaseException) -> str:
    """The line that an error comes from. The module ``traceback`` would look for the source, and there are no files."""
    place, step = "", error.__traceback__
    while step is not None:
        place = f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}"
        step = step.tb_next
    return place


class Guest:
    """The interface ``transform``, around a class of the plugin."""

    def __init__(self, plugin: type) -> None:
        self._plugin = plugin
        self._instance: Any = None
        port = _Port()
        install(port)
        self._printed = _Printed(port, "info"), _Printed(port, "warn")

    def configure(self, config: str) -> None:
        """Makes the instance. An error refuses the deployment."""
        sys.stdout, sys.stderr = self._printed
        given = json.loads(config)
        try:
            self._instance = self._plugin(given)
        except Exception as error:
            raise Err(str(error) or type(error).__name__) from None

    def process(self, event: Any) -> Any:
        """Processes an event."""
        headers = tuple((header.name, header.value) for header in event.headers)
        own = Event(event.subject, event.payload, event.key, headers, event.time, event.sequence)
        try:
            _still.begin(own)
            return _verdict(messages(self._instance.process(own)))
        except Reject as rejected:
            failure = types.Failure_Invalid(types.Rejection(str(rejected.code), str(rejected.reason)))
            raise Err(failure) from None
        except Retry as retried:
            raise Err(types.Failure_Transient(str(retried.reason))) from None
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
