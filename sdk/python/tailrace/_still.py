"""Time and randomness inside a plugin. Both are functions of the event, so that a replay gives the same.

``time.time()``, ``datetime.now()`` and their kin give the event's time. ``random`` is seeded by the event. What has no
such meaning, such as ``time.monotonic()`` or ``os.urandom()``, raises with the way out, by ``_sealed``. The module
loads before the plugin, so that names which the plugin imports are those here.
"""

from __future__ import annotations

import datetime
import random
import time
from typing import Any, Optional

from . import _sealed

#: Time of the event under way, in milliseconds. Before the first event, the epoch: modules ask while they load.
_now_ms = 0

_real = {name: getattr(time, name) for name in ("gmtime", "localtime", "ctime", "strftime", "asctime")}
_real_datetime = datetime.datetime


def begin(event: Any) -> None:
    """The event's time is now, and its generator starts."""
    _begin(event.time, f"{event.sequence} {event.subject} {event.key}")


def wake(timer: Any) -> None:
    """The timer's time is now. A timer that sets itself again draws other numbers, for its time is another."""
    _begin(timer.at, f"{timer.set_by} {timer.name} {timer.at} {timer.key}")


def _begin(time_ms: int, seed: str) -> None:
    global _now_ms
    _now_ms = time_ms
    random.seed(int.from_bytes(seed.encode(), "big"))


def install() -> None:
    """Puts all of it in place, for the whole process."""
    for name, value in _TIME.items():
        setattr(time, name, value)
    datetime.datetime = _EventDatetime
    _sealed.install()


def _time() -> float:
    return _now_ms / 1000


def _time_ns() -> int:
    return _now_ms * 1_000_000


def _at(name: str) -> Any:
    def function(seconds: Optional[float] = None) -> Any:
        return _real[name](_now_ms / 1000 if seconds is None else seconds)

    return function


def _strftime(form: str, moment: Any = None) -> str:
    return _real["strftime"](form, _real["gmtime"](_now_ms / 1000) if moment is None else moment)


def _asctime(moment: Any = None) -> str:
    return _real["asctime"](_real["gmtime"](_now_ms / 1000) if moment is None else moment)


_TIME = {
    "time": _time,
    "time_ns": _time_ns,
    "gmtime": _at("gmtime"),
    "localtime": _at("localtime"),
    "ctime": _at("ctime"),
    "strftime": _strftime,
    "asctime": _asctime,
}


class _EventDatetime(_real_datetime):
    """``datetime`` whose present is the event's time."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return cls.fromtimestamp(_now_ms / 1000, tz)

    @classmethod
    def today(cls) -> Any:
        return cls.fromtimestamp(_now_ms / 1000)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.fromtimestamp(_now_ms / 1000, datetime.timezone.utc).replace(tzinfo=None)


_EventDatetime.__name__ = _EventDatetime.__qualname__ = "datetime"
