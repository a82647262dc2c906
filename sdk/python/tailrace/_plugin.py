"""The class that a plugin extends, and the verdicts beside messages."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any, Union

from ._event import Event, Message, Timer
from ._failure import Reject


class Verdict(enum.Enum):
    """What becomes of an event that causes no message."""

    #: The event goes on unchanged.
    FORWARD = "forward"
    #: The event ends here on purpose.
    DROP = "drop"


FORWARD = Verdict.FORWARD
DROP = Verdict.DROP

#: What ``process`` returns: one message, several, or a verdict.
Result = Union[Message, Iterable[Message], Verdict]
#: What ``on_timer`` returns: one message, several, or ``DROP`` for none.
TimerResult = Union[Message, Iterable[Message], Verdict]


class Plugin:
    """A plugin. ``process`` is called for each event, one at a time.

    The step's config arrives in ``__init__``, as JSON reads it. An exception there refuses the deployment.
    """

    def __init__(self, config: Any = None) -> None:
        self.config = config

    def process(self, event: Event) -> Result:
        """Processes an event: ``emit(…)``, a list of such, ``FORWARD`` or ``DROP``.

        ``raise Reject(code, reason)`` makes the event a dead letter, ``raise Retry(reason)`` has it retried.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method process(self, event)")

    def on_timer(self, timer: Timer) -> TimerResult:
        """Wakes up by a timer that ``timers.set`` has set: ``emit(…)``, a list of such, or ``DROP``.

        A plugin that sets timers defines it. ``Reject`` and ``Retry`` are raised as in ``process``.
        """
        raise Reject("no-on-timer", f"timer {timer.name!r} is due, and the plugin has no on_timer")


def messages(result: Result) -> Union[Verdict, list[Message]]:
    """What ``process`` returned, in its plain form. Anything else is a mistake of the plugin, named as such."""
    if isinstance(result, Verdict):
        return result
    found = _listed(result)
    if isinstance(found, str):
        raise TypeError(f"process returned {found}; return emit(…), a list of such, FORWARD or DROP")
    return found


def woken(result: TimerResult) -> list[Message]:
    """The messages that ``on_timer`` returned. A timer is no event that could go on."""
    found = [] if result is DROP else "FORWARD" if result is FORWARD else _listed(result)
    if isinstance(found, str):
        raise TypeError(f"on_timer returned {found}; return emit(…), a list of such, or DROP")
    return found


def _listed(result: Any) -> Union[list[Message], str]:
    """The messages, or in words what stands in their place."""
    if isinstance(result, Message):
        return [result]
    if isinstance(result, Iterable) and not isinstance(result, (str, bytes, dict)):
        found = list(result)
        for number, message in enumerate(found):
            if not isinstance(message, Message):
                return f"a list whose item {number} is {type(message).__name__}"
        return found
    return type(result).__name__
