"""stdout and stderr where they cannot write what we do: closed, full, in a locale of ASCII."""

from __future__ import annotations

import codecs
import errno
import os
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
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_NAME: Final = "agent-like"


def open_closed() -> None:
    """
    Open what the shell closed (`>&-`) on /dev/null: nobody asked for what is written there.

    Left closed, the next file that is opened would be standard output, and written to.
    """
    if sys.stdin is not None and sys.stdout is not None and sys.stderr is not None:
        return
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8")
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")


def is_refused(error: OSError) -> bool:
    """Whether standard output takes no more: print() names no file, and what writes others does."""
    return error.filename is None and error.errno in _FULL


def give_up() -> None:
    """Let nothing more be written to standard output: what is left would be, at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


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
