"""Modules of the standard library that Python imports late: in the midst of a call, when a plugin may have no files.

Some are imported by the interpreter itself: ``datetime.strptime`` brings ``_strptime``, ``bytes.decode("cp1252")``
brings ``encodings.cp1252``. Others are what a function of a plugin tends to import where it needs it.
"""

from __future__ import annotations

import importlib
import pkgutil

#: The interpreter and the library import these in the midst of calls.
_BY_PYTHON = """
_ast_unparse _colorize _compat_pickle _markupbase _py_warnings _pylong _strptime _threading_local annotationlib ast
calendar contextlib contextvars copy gettext heapq importlib.resources importlib.util inspect linecache locale numbers
opcode stringprep string.templatelib textwrap threading tokenize traceback tracemalloc unicodedata warnings zoneinfo
"""

#: Functions of plugins import these.
_BY_PLUGINS = """
array base64 binascii bisect cmath collections.abc colorsys csv decimal difflib email.utils enum fnmatch fractions
graphlib hashlib hmac html html.parser http io ipaddress itertools logging math operator pickle pprint queue secrets
select shlex socket statistics string struct tempfile tomllib types typing urllib.parse uuid weakref
xml.etree.ElementTree zlib
"""


def load() -> None:
    """Loads all of them. A Python of another version may have others."""
    for name in [*_BY_PYTHON.split(), *_BY_PLUGINS.split(), *_encodings()]:
        try:
            importlib.import_module(name)
        except ImportError:
            continue


def _encodings() -> list[str]:
    import encodings

    found = pkgutil.iter_modules(encodings.__path__, "encodings.")
    # Of Windows alone.
    return [module.name for module in found if module.name not in ("encodings.mbcs", "encodings.oem")]
