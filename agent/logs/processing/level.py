r"""How bad a line says it is: trace, debug, info, warning, error, fatal. Pure.

    {"level":"warn",…}  {"severity":"ERROR"}  {"level":50}     JSON: words, or pino's numbers
    level=error msg=…   severity=CRITICAL                      logfmt
    2026-11-24 03:16:16,105 ERROR shop.Cart: no cart           a word in capitals, near the start
    [error] 12#12: *1 open() failed                            a word in brackets
    E1124 03:16:16.105173       1 cart.go:42] no cart          klog, glog
    <3>disk is full                                            syslog and systemd prefixes

A line that says nothing has no level: none is guessed.
"""

from __future__ import annotations

import re
from typing import Final

_NEAR: Final = 256
"""Bytes from the start in which a level is looked for: after them it is somebody's text."""

_WORDS: Final = {
    **dict.fromkeys(("trace", "trc", "finest", "finer"), "trace"),
    **dict.fromkeys(("debug", "dbg", "fine", "verbose"), "debug"),
    **dict.fromkeys(("info", "inf", "information", "informational", "notice", "log"), "info"),
    **dict.fromkeys(("warn", "warning", "wrn"), "warning"),
    **dict.fromkeys(("error", "err", "eror", "severe"), "error"),
    **dict.fromkeys(("fatal", "ftl", "critical", "crit", "alert", "emerg", "emergency"), "fatal"),
    **dict.fromkeys(("panic", "dpanic"), "fatal"),
}
_NUMBERS: Final = {10: "trace", 20: "debug", 30: "info", 40: "warning", 50: "error", 60: "fatal"}
_KLOG: Final = {b"I": "info", b"W": "warning", b"E": "error", b"F": "fatal"}
_SYSLOG: Final = ("fatal", "fatal", "fatal", "error", "warning", "info", "info", "debug")

_ANY_WORD: Final = "|".join(sorted(_WORDS, key=len, reverse=True))
_PATTERN: Final = re.compile(
    rb"\A<(?P<syslog>[0-7])>"
    rb"|\A(?P<klog>[IWEF])\d{4} \d\d:\d\d:\d\d"
    rb"|(?i:\"?\b(?:level|severity|lvl|loglevel|log_level|levelname)\"?\s?[=:]\s?\"?"
    rb"(?P<key>[a-z]+|[1-6]0\b))"
    rb"|(?i:[\[<(](?P<bracket>" + _ANY_WORD.encode() + rb")\s?[\])>])"
    rb"|(?<![\w.-])(?P<capitals>" + _ANY_WORD.upper().encode() + rb")(?![\w-])"
)
# One of these three is in every line in which `_PATTERN` finds anything. Each begins with one of
# few characters, so that most of a line is passed over.
_CAPITALS: Final = re.compile(_ANY_WORD.upper().encode())
_BRACKET: Final = re.compile(
    rb"[\[<(](?i:" + _ANY_WORD.encode() + rb")\s?[\])>]|\A<[0-7]>|\A[IWEF]\d{4} "
)
_KEY: Final = re.compile(rb"level|severity|lvl")
WORST: Final = frozenset({"error", "fatal"})


def level_of(content: bytes) -> str | None:
    """Return the level a line says, or None."""
    if (
        _CAPITALS.search(content, 0, _NEAR) is None
        and _BRACKET.search(content, 0, _NEAR) is None
        and _KEY.search(content[:_NEAR].lower()) is None
    ):
        return None  # most lines, at a tenth of the cost
    for match in _PATTERN.finditer(content, 0, _NEAR):
        level = _said(match)
        if level is not None:
            return level
    return None


def _said(match: re.Match[bytes]) -> str | None:
    kind, text = match.lastgroup, match[match.lastgroup or 0]
    if kind == "syslog":
        return _SYSLOG[int(text)]
    if kind == "klog":
        return _KLOG[text]
    return level_of_value(int(text) if text.isdigit() else text.decode("ascii", "replace"))


def level_of_value(value: object) -> str | None:
    """The level that the value of a member "level" means."""
    if isinstance(value, str):
        return _WORDS.get(value.lower())
    if isinstance(value, int) and not isinstance(value, bool):
        return _NUMBERS.get(value)
    return None
