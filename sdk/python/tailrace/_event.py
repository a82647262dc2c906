"""What a plugin receives, and what it emits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Optional, Union

from . import _check as check
from ._failure import Reject

#: A name and a value beside the payload.
Header = tuple[str, str]

#: Longest piece of a parser's error in a reason, which is for people.
_MAX_REASON = 300


@dataclass(frozen=True)
class Event:
    """One event, as a step of a pipeline receives it. A test makes one with its subject and payload.

    A payload may be given as bytes, as text, or as a value that JSON can hold.
    """

    #: Subject of the event, or the one that the previous step gave it.
    subject: str
    #: Payload of the message.
    payload: bytes = b""
    #: Key that the pipeline extracts. Events of one key are processed in order.
    key: str = ""
    #: Headers of the message, without those of the broker.
    headers: tuple[Header, ...] = ()
    #: Event time in milliseconds since the Unix epoch.
    time: int = 0
    #: Position in the input stream, counted from 1. The test host counts it itself where it is 0.
    sequence: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", check.text("subject", self.subject))
        object.__setattr__(self, "payload", as_payload(self.payload))
        object.__setattr__(self, "key", check.text("key", self.key))
        object.__setattr__(self, "headers", check.headers(self.headers))
        object.__setattr__(self, "time", check.whole("time", self.time))
        object.__setattr__(self, "sequence", check.whole("sequence", self.sequence))

    def json(self) -> Any:
        """The payload as JSON. One that does not read rejects the event with the code ``malformed-json``."""
        return _json(self.payload)

    def text(self) -> str:
        """The payload as text. Other bytes reject the event with the code ``not-utf8``."""
        return _text(self.payload)

    def header(self, name: str) -> Optional[str]:
        """The first header of this name. Names are case-sensitive, as in NATS."""
        return next((value for found, value in self.headers if found == name), None)


def received(
    subject: str, payload: bytes, key: str, headers: tuple[Header, ...], time: int, sequence: int
) -> Event:
    """An event of the engine, whose types are those of the contract: it needs no checks, and each of them costs."""
    event = object.__new__(Event)
    given = {"subject": subject, "payload": payload, "key": key, "headers": headers, "time": time, "sequence": sequence}
    event.__dict__.update(given)
    return event


@dataclass(frozen=True)
class Timer:
    """A timer that is due. ``timers.set`` had set it."""

    #: The name that the plugin gave it.
    name: str
    #: Key of the event that set it.
    key: str
    #: When it was due, in milliseconds since the Unix epoch.
    at: int
    #: The payload that the plugin gave it.
    payload: bytes = b""
    #: Sequence of the event that set it.
    set_by: int = 0

    def json(self) -> Any:
        """The payload as JSON. One that does not read rejects the timer with the code ``malformed-json``."""
        return _json(self.payload)

    def text(self) -> str:
        """The payload as text. Other bytes reject the timer with the code ``not-utf8``."""
        return _text(self.payload)


@dataclass(frozen=True)
class Message:
    """A message that a step emits. ``emit`` makes one."""

    #: Payload of the message.
    payload: bytes
    #: Subject; without it the pipeline's output subject.
    subject: Optional[str] = None
    #: Key; without it the key of the event that caused the message.
    key: Optional[str] = None
    #: Headers of the message.
    headers: tuple[Header, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "payload", as_payload(self.payload))
        object.__setattr__(self, "subject", check.optional_text("subject", self.subject))
        object.__setattr__(self, "key", check.optional_text("key", self.key))
        object.__setattr__(self, "headers", check.headers(self.headers))

    def json(self) -> Any:
        """The payload as JSON, for tests."""
        return json.loads(self.payload)

    def text(self) -> str:
        """The payload as text, for tests."""
        return self.payload.decode()


def emit(
    payload: Any,
    *,
    subject: Optional[str] = None,
    key: Optional[str] = None,
    headers: Union[Iterable[Header], dict[str, str]] = (),
) -> Message:
    """Makes a message. Bytes and text go as they are, any other value as JSON.

    A value that JSON cannot hold rejects the event with the code ``unwritable-value``. A subject, key or header that is
    no text raises ``TypeError``.
    """
    return Message(payload, subject, key, headers)  # type: ignore[arg-type]


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        reason = f"the payload does not read: {error}"
        raise Reject("malformed-json", reason[:_MAX_REASON]) from None


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise Reject("not-utf8", f"the payload is not text: {error.reason}") from None


def as_payload(value: Any) -> bytes:
    """Bytes of a payload."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        return check.encoded(value)
    return as_json(value)


def as_json(value: Any) -> bytes:
    """JSON without blanks. Numbers that JSON does not have are refused."""
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return check.encoded(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise Reject("unwritable-value", f"the value cannot be encoded: {check.shown(error)}"[:_MAX_REASON]) from None
