"""stdout and stderr where they cannot write what we do: in an ISO 8859 locale, or ASCII alone."""

from __future__ import annotations

import codecs
import sys
from io import TextIOWrapper
from typing import Final

_LIKE: Final = {
    "…": "...",
    "→": "->",
    "·": "-",
    "✔": "ok",
    "✖": "!!",
    "⚠": "!",
    "–": "-",
    "—": "-",
    "×": "x",
    "≥": ">=",
    "≤": "<=",
    "↑": "^",
    "↓": "v",
    "←": "<-",
}
_NAME: Final = "agent-like"


def make_writable() -> None:
    """Let what the encoding lacks be written as something like it, and never raise."""
    codecs.register_error(_NAME, _like)
    for stream in (sys.stdout, sys.stderr):
        # A test's stream is none of ours.
        if isinstance(stream, TextIOWrapper) and not _is_unicode(stream.encoding):
            stream.reconfigure(errors=_NAME)


def _is_unicode(encoding: str) -> bool:
    return codecs.lookup(encoding).name.startswith("utf")


def _like(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    found = error.object[error.start : error.end]
    return "".join(_LIKE.get(sign, "?") for sign in found), error.end
