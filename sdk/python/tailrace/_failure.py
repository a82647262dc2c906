"""The two ways in which an event can fail on purpose. Any other exception ends the instance with a trap."""

from __future__ import annotations

import json
import os
from typing import Any


def _folder(function: Any) -> str:
    return os.path.dirname(function.__code__.co_filename)


#: Folders of the SDK and of the standard library: a line in them is none that an author of a plugin can mend. The
#: interpreter's own modules, such as ``os``, may be of no folder; ``json`` is of one.
_OTHERS = (f"{_folder(_folder)}/", f"{os.path.dirname(_folder(json.loads))}/")


class Reject(Exception):
    """The event itself is at fault: it becomes a dead letter and is not retried.

    ``code`` is short and stable, for counting, such as ``missing-field``. ``reason`` is for people.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class Retry(Exception):
    """The event is retried under the step's ``on-error`` policy."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def place(error: BaseException) -> str:
    """The innermost line of the plugin, or of a package, that an error came through."""
    # The module ``traceback`` would look for the source, and there are no files.
    own, innermost, step = "", "", error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        innermost = f"{file}:{step.tb_lineno}"
        if not file.startswith((*_OTHERS, "<")) and not file.endswith("tailrace_entry.py"):
            own = innermost
        step = step.tb_next
    return own or innermost
