"""What a plugin cannot reach: files, sockets, processes, threads, and modules that the build has not loaded.

The engine has no operating system for a plugin. What asks for one would end the instance without a line or a reason, so
each such function raises here, with the way out. While the build loads the plugin there are files: a module may
read its data then. ``seal`` ends that time, before the first call.
"""

from __future__ import annotations

import builtins
import functools
import importlib.machinery
import io
import os
import random
import sys
import time
from typing import Any

from ._port import port
from ._preload import load

#: Whether the build is over.
_is_sealed = False

_CLOCK = "a plugin has the event's time only: event.time or time.time()"
_DRAW = "a plugin draws from random, which is seeded by the event"
_FILES = "a plugin has no files while it runs; read what it needs at the top of its module, for the build has them"
_PROCESS = "a plugin has no processes and no system around it"
_SOCKET = "a plugin has no network; what it looks up is a table or state"
_THREAD = "a plugin runs in one thread, which ends with its event"
_ID = "make one of the event: uuid.uuid5(uuid.NAMESPACE_OID, f'{event.subject} {event.sequence}')"
_SECRET = f"{_DRAW} and not fit for secrets; the step's config can hold a secret"

#: Modules whose functions have no meaning at any time, why, and their names.
_NEVER = [
    (time, _CLOCK, "monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns thread_time"),
    (time, _CLOCK, "thread_time_ns clock_gettime clock_gettime_ns clock_getres sleep"),
    (os, _DRAW, "urandom getrandom"),
    ("uuid", _ID, "uuid1 uuid4 uuid6 uuid7 getnode"),
    ("secrets", _SECRET, "token_bytes token_hex token_urlsafe choice randbelow randbits"),
    ("tempfile", _FILES, "mkstemp mkdtemp mktemp TemporaryFile NamedTemporaryFile TemporaryDirectory gettempdir"),
    ("socket", _SOCKET, "getaddrinfo gethostbyname gethostname create_connection create_server socketpair"),
    ("select", _SOCKET, "select poll"),
]

#: Functions that a module may call while the build loads it, and not later.
_AT_THE_BUILD = [
    (builtins, _FILES, "open"),
    (io, _FILES, "open open_code"),
    ("_io", _FILES, "open open_code"),
    ("tokenize", _FILES, "_builtin_open"),
    (os, _FILES, "access chdir chmod close closerange dup fdatasync fdopen fstat fsync ftruncate getcwd getcwdb link"),
    (os, _FILES, "listdir lseek lstat makedirs mkdir open pathconf pread pwrite read readinto readlink remove rename"),
    (os, _FILES, "replace rmdir scandir stat symlink truncate unlink utime walk write isatty get_blocking set_blocking"),
    (os, _PROCESS, "abort _exit kill popen system times uname sysconf confstr"),
    (os, _PROCESS, "sched_yield execl execle execlp execlpe execv execve execvp execvpe fork getloadavg"),
]


def install() -> None:
    """Loads what is imported late, and puts everything in place, for the whole process."""
    # Before other modules take these functions for themselves, and after there are more modules.
    _refuse()
    for owner, why, names in _AT_THE_BUILD:
        for name in names.split():
            _replace(owner, name, _until_sealed, why)
    load()
    _refuse()
    import socket
    import threading

    socket.socket.__init__ = refused("socket.socket()", _SOCKET)  # type: ignore[method-assign]
    threading.Thread.start = refused("threading.Thread", _THREAD)  # type: ignore[method-assign]
    threading.Condition.wait = refused("waiting for another thread", _THREAD)  # type: ignore[method-assign]
    os.cpu_count = os.process_cpu_count = lambda: 1  # type: ignore[attr-defined]
    builtins.input = refused("input()", "a plugin reads its event: event.payload")
    loader = importlib.machinery.SourceFileLoader.__mro__[1]
    loader.get_data = _until_sealed("a loader of sources", _FILES, loader.get_data)  # type: ignore[attr-defined]
    _seed_generators()
    sys.stdin = Input()
    sys.stdout, sys.stderr = Printed("info", sys.stdout), Printed("warn", sys.stderr)


def _refuse() -> None:
    for owner, why, names in _NEVER:
        for name in names.split():
            _replace(owner, name, lambda what, why, _real: refused(what, why), why)


def seal() -> None:
    """The build is over: no files from here on, and no modules but those of the component."""
    global _is_sealed
    if _is_sealed:
        return
    _is_sealed = True
    kept = (importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter)
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder in kept] + [_Absent]
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()


def refused(what: str, way_out: str) -> Any:
    """A function that has no meaning in a plugin."""

    def function(*_arguments: Any, **_named: Any) -> Any:
        raise RuntimeError(f"{what} has no meaning in a plugin: {way_out}")

    return function


def _until_sealed(what: str, way_out: str, real: Any) -> Any:
    """A function that ends with the build. Libraries take an ``OSError`` for a file that is not there, and go on."""

    @functools.wraps(real)
    def function(*arguments: Any, **named: Any) -> Any:
        if _is_sealed:
            raise OSError(f"{what} has no meaning in a plugin: {way_out}")
        return real(*arguments, **named)

    return function


def _replace(owner: Any, name: str, make: Any, why: str) -> None:
    module = _module(owner)
    real = getattr(module, name, None)
    if real is not None:
        prefix = "" if module is builtins else f"{module.__name__.lstrip('_')}."
        setattr(module, name, make(f"{prefix}{name.lstrip('_')}()", why, real))


def _module(owner: Any) -> Any:
    return sys.modules.get(owner) if isinstance(owner, str) else owner


def _seed_generators() -> None:
    """A generator of a plugin has a seed. Without one, the system would give it another one in each replay."""
    real = random.Random.seed

    def seed(self: Any, a: Any = None, version: int = 2) -> None:
        if a is None:
            way_out = "seed it, as random.Random(event.sequence) does, or draw from random itself"
            raise RuntimeError(f"random.Random() without a seed has no meaning in a plugin: {way_out}")
        real(self, a, version)

    random.Random.seed = seed  # type: ignore[method-assign]
    random.seed = random._inst.seed  # type: ignore[attr-defined]
    for name in ("random", "getrandbits", "randbytes"):
        setattr(random.SystemRandom, name, refused("random.SystemRandom", _SECRET))


class _Absent:
    """The finder of modules that the build has not loaded: there is none of them."""

    @classmethod
    def find_spec(cls, name: str, _path: Any = None, _target: Any = None) -> None:
        frame = sys._getframe(2)
        if frame.f_code.co_name == "find_spec":
            # Asked whether there is such a module, and not for it.
            return None
        while frame.f_back is not None and frame.f_code.co_filename.startswith("<frozen"):
            frame = frame.f_back
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        reason = f"the component holds no module {name!r}, which {place} imports while the plugin runs"
        raise ModuleNotFoundError(f"{reason}: import it at the top of the plugin's module", name=name)


class Input(io.TextIOBase):
    """Standard input: there is none."""

    def read(self, _size: Any = None) -> str:
        raise io.UnsupportedOperation("a plugin has no standard input: it reads its event, event.payload")

    readline = __next__ = read  # type: ignore[assignment]

    def close(self) -> None:
        """There is nothing to close."""


class Printed(io.TextIOBase):
    """Standard output and error: whole lines become lines of the log. During the build they are the builder's."""

    encoding = "utf-8"  # type: ignore[assignment]
    errors = "replace"
    mode = "w"
    line_buffering = True

    def __init__(self, level: str, real: Any) -> None:
        self._level, self._line, self._real = level, "", real
        self.name = "<stdout>" if level == "info" else "<stderr>"
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() takes a text, not {type(text).__name__}")
        if not _is_sealed:
            return self._real.write(text)
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            port().log(self._level, line)
        return len(text)

    def flush(self) -> None:
        """Lines go out when they end."""
        if not _is_sealed:
            self._real.flush()

    def end(self) -> None:
        """A call is over, and so is its last line."""
        if self._line:
            line, self._line = self._line, ""
            port().log(self._level, line)

    def close(self) -> None:
        """It stays open: another event may print."""

    def reconfigure(self, **_settings: Any) -> None:
        """There is nothing to set."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        raise io.UnsupportedOperation(f"{self.name} of a plugin is its log, and has no descriptor: use print()")


class _Bytes(io.RawIOBase):
    """``sys.stdout.buffer``."""

    def __init__(self, text: Printed) -> None:
        self._text = text

    def write(self, data: Any) -> int:
        found = bytes(data)
        self._text.write(found.decode("utf-8", "replace"))
        return len(found)

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """It stays open: another event may print."""
