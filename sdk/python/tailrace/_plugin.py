"""The class that a plugin extends, and the verdicts beside messages."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any, Union

from ._event import Event, Message


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


def messages(result: Result) -> Union[Verdict, list[Message]]:
    """What ``process`` returned, in its plain form. Anything else is a mistake of the plugin, named as such."""
    if isinstance(result, Verdict):
        return result
    if isinstance(result, Message):
        return [result]
    if result is not None and not isinstance(result, (str, bytes, dict, Event)):
        found = list(result)
        if all(isinstance(message, Message) for message in found):
            return found
    raise TypeError(
        f"process returned {type(result).__name__}; return emit(…), a list of such, FORWARD or DROP"
    )
