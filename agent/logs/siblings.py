"""The names a rotated log file goes by, in the order of writing. Pure.

    docker, conmon, logrotate   ID-json.log.2.gz  ID-json.log.1  ID-json.log      oldest first
    kubelet                     0.log.20260102-150405.gz  0.log.20260102-150515  0.log

Files in the making (`.tmp`) are nobody's, and neither is a `.gz` while the file it is made from is
still there: it may not be whole yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

COMPRESSED: Final = ".gz"

_NUMBER = re.compile(r"[1-9]\d{0,5}")
_STAMP = re.compile(r"\d{8}(-\d{6})?")


def chain_order(base: str, names: Iterable[str]) -> list[str]:
    """Return those of a directory's `names` that are `base` or it rotated, oldest first."""
    numbered: list[tuple[int, str]] = []
    stamped: list[str] = []
    current: list[str] = []
    prefix = base + "."
    mine = {name for name in names if name.startswith(base)}
    for name in mine:
        if name == base:
            current.append(name)
            continue
        plain = name.removesuffix(COMPRESSED)
        if not plain.startswith(prefix) or (plain != name and plain in mine):
            continue
        suffix = plain[len(prefix) :]
        # Number first: a date without a time has eight digits, a number at most six.
        if _NUMBER.fullmatch(suffix):
            numbered.append((-int(suffix), name))
        elif _STAMP.fullmatch(suffix):
            stamped.append(name)
    return [name for _number, name in sorted(numbered)] + sorted(stamped) + current
