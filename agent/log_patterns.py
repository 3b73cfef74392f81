r"""Regular expressions that people write: compiled, or refused with a reason. Pure.

A worker runs them on every line of a container, so one that can take exponential time is refused:
Python's engine tries every way to split a text among nested repeats.

    (\w+\s?)+$        refused: a repeat that may match in many ways, inside a repeat
    (a|ab)*c          refused: alternatives that can begin alike, inside a repeat
    (?:\w+\s?)++$     taken: a possessive repeat (or an atomic group, (?>…)) never goes back

What remains can still be slow on long texts (`.*x.*y.*z` takes cubic time), so the filters look at
no more than `LOOK` bytes of a line. Redaction must see all of it, and does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any, Final

# `re._parser` has no public name: tests/agent/test_log_patterns.py says when it changes.

LOOK: Final = 16 * 1024
"""Bytes of a line that include, exclude, level and multiline expressions look at."""
LONGEST: Final = 1000
"""Characters of one expression."""


def compile_pattern(text: str) -> re.Pattern[bytes]:
    """Compile an expression for bytes of UTF-8. Raises ValueError, in words."""
    if not text:
        raise ValueError("an empty expression fits everything")
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    try:
        compiled = re.compile(text.encode())
        parsed = sre_parser.parse(text.encode(), compiled.flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if _explodes(parsed, inside=False):
        raise ValueError(
            "can take exponential time: a repeat that is not fixed, or alternatives that begin "
            "alike, inside another repeat; make it possessive, as in (?:…)++, or an atomic group"
        )
    return compiled


def compile_any(texts: Sequence[str]) -> re.Pattern[bytes] | None:
    """One expression that fits where any of them does; None for none. Each must compile alone."""
    if not texts:
        return None
    for text in texts:
        compile_pattern(text)
    if len(texts) == 1:
        return compile_pattern(texts[0])
    try:
        return re.compile("|".join(f"(?:{text})" for text in texts).encode())
    except re.error as error:
        raise ValueError(f"not together: {error}; write flags as (?i:…)") from None


def _explodes(parsed: Iterable[tuple[Any, Any]], *, inside: bool) -> bool:
    """Whether a repeat without end holds something that fits one text in several ways.

    inside: whether `parsed` is in such a repeat, and can be tried again in another way.
    """
    for operation, argument in parsed:
        bodies: Iterable[Any] = ()
        within = inside
        if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, body = argument
            if inside and least != most:
                return True
            bodies, within = (body,), inside or most == sre.MAXREPEAT
        elif operation is sre.BRANCH:
            bodies = argument[1]
            if inside and not _begin_apart(argument[1]):
                return True
        elif operation in _HOLDERS:
            bodies, within = _HOLDERS[operation](argument), inside and operation in _TRANSPARENT
        if any(_explodes(body, inside=within) for body in bodies):
            return True
    return False


_TRANSPARENT: Final = (sre.SUBPATTERN, sre.GROUPREF_EXISTS)
_HOLDERS: Final[dict[Any, Callable[[Any], Iterable[Any]]]] = {
    sre.SUBPATTERN: lambda argument: (argument[-1],),
    sre.GROUPREF_EXISTS: lambda argument: (argument[1], argument[2] or ()),
    # What was found in these is not tried in another way, only from another start.
    sre.ATOMIC_GROUP: lambda argument: (argument,),
    sre.POSSESSIVE_REPEAT: lambda argument: (argument[2],),
    sre.ASSERT: lambda argument: (argument[1],),
    sre.ASSERT_NOT: lambda argument: (argument[1],),
}


def _begin_apart(branches: Iterable[Sequence[tuple[Any, Any]]]) -> bool:
    """Whether at most one of the branches can go on: each begins with a letter of its own."""
    first = [branch[0] if len(branch) else None for branch in branches]
    letters = {item[1] for item in first if item is not None and item[0] is sre.LITERAL}
    return len(letters) == len(first)
