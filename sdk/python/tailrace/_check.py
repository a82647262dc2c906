"""Checks of what a plugin hands over, one for each type of the contract.

A value of another type would end the instance where it crosses into the engine: without a line, and without a reason.
So each call checks first. A test host stands behind the same checks.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterable
from operator import index
from typing import Any, Optional

#: What a ``u32`` and a ``u64`` of the contract hold.
MAX_U32 = 2**32 - 1
MAX_U64 = 2**64 - 1

#: Longest piece of a value in an error, which is for people.
_MAX_SHOWN = 200

# An encoder of UTF-8 takes bytes of a handler: any text but ASCII it refuses.
codecs.register_error("tailrace", lambda error: (b"\xef\xbf\xbd" * (error.end - error.start), error.end))


def text(name: str, value: Any) -> str:
    """A text."""
    if type(value) is str and value.isascii():
        return value
    if not isinstance(value, str):
        raise TypeError(f"{name} is {_told(value)}, and takes a text: str(…) makes one")
    return plain(value)


def optional_text(name: str, value: Any) -> Optional[str]:
    """A text, or ``None``."""
    return None if value is None else text(name, value)


def whole(name: str, value: Any, most: int = MAX_U64) -> int:
    """A whole number from 0."""
    if type(value) is int and 0 <= value <= most:
        return value
    try:
        found = index(value)
    except TypeError:
        wanted = "and takes a whole number: int(…) makes one, and // divides into one"
        raise TypeError(f"{name} is {_told(value)}, {wanted}") from None
    if not 0 <= found <= most:
        raise ValueError(f"{name} is {shown(found)[:_MAX_SHOWN]}, and goes from 0 to {most}")
    return found


def number(name: str, value: Any) -> float:
    """A finite number. A text is none, though ``float`` would read it."""
    if not (hasattr(type(value), "__float__") or hasattr(type(value), "__index__")):
        raise TypeError(f"{name} is {_told(value)}, and takes a number: float(…) makes one")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise ValueError(f"{name} is {shown(value)[:_MAX_SHOWN]}, and takes a finite number")
    return found


def numbers(name: str, values: Any) -> list[float]:
    """Numbers of a vector."""
    if not isinstance(values, Iterable) or isinstance(values, (str, bytes, dict)):
        raise TypeError(f"{name} is {_told(values)}, and takes a list of numbers")
    return [number(f"{name}[{at}]", value) for at, value in enumerate(values)]


def octets(name: str, value: Any) -> bytes:
    """Bytes. A number is none: ``bytes(5)`` would make five zeros of it."""
    if type(value) is bytes:
        return value
    if not isinstance(value, (bytes, bytearray, memoryview)):
        way_out = "text.encode() makes them of a text, and set_json stores any value"
        raise TypeError(f"{name} is {_told(value)}, and takes bytes: {way_out}")
    return bytes(value)


def headers(given: Any) -> tuple[tuple[str, str], ...]:
    """Pairs of texts."""
    if given == ():
        return ()
    pairs = given.items() if isinstance(given, dict) else given
    if not isinstance(pairs, Iterable) or isinstance(pairs, (str, bytes)):
        raise TypeError(f"headers is {_told(given)}, and takes pairs of a name and a value, or a dict")
    return tuple(_header(pair) for pair in pairs)


def _header(pair: Any) -> tuple[str, str]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"headers holds {_told(pair)}: a header is a pair of a name and a value")
    name, value = pair
    return text("a header's name", name), text(f"the header {shown(name)}", value)


def plain(value: str) -> str:
    """A text as UTF-8 can hold it. JSON brings halves of pairs (``"\\ud800"``) that it cannot: each becomes U+FFFD."""
    if value.isascii():
        return str.__str__(value)
    return encoded(value).decode()


def encoded(value: str) -> bytes:
    """Bytes of a text, with U+FFFD for what UTF-8 cannot hold."""
    return value.encode("utf-8", "tailrace")


def shown(value: Any) -> str:
    """A value as a text for people, whatever its ``__str__`` does."""
    try:
        return plain(str(value))
    except Exception as error:
        return f"<{type(value).__name__}, whose text raises {type(error).__name__}>"


def _told(value: Any) -> str:
    if value is None:
        return "None"
    try:
        found = plain(repr(value))
    except Exception:
        return f"a {type(value).__name__}"
    return f"the {type(value).__name__} {found[:_MAX_SHOWN]}"
