"""The engine around a plugin: in WebAssembly its imports, in a test a ``TestHost``. One is installed at a time."""

from __future__ import annotations

from typing import Any

#: Where host functions go. ``None`` outside of ``process``, in a native program.
_installed: Any = None


def install(port: Any) -> Any:
    """Puts a port in place and gives the one from before."""
    global _installed
    before, _installed = _installed, port
    return before


def port() -> Any:
    """The port in place."""
    if _installed is None:
        raise RuntimeError("there is no engine here; call the plugin through tailrace.testing.TestHost")
    return _installed
