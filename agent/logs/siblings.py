"""The names a rotated log file goes by, in the order of writing. Pure.

    docker json-file, conmon   ID-json.log.2  ID-json.log.1  ID-json.log      oldest first
    kubelet                    0.log.20260102-150405  0.log

Compressed ones (`.gz`) are not read, and files in the making (`.tmp`) are nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"[1-9]\d{0,5}")
_STAMP = re.compile(r"\d{8}-\d{6}")


def chain_order(base: str, names: Iterable[str]) -> list[str]:
    """Return those of a directory's `names` that are `base` or it rotated, oldest first."""
    numbered: list[tuple[int, str]] = []
    stamped: list[str] = []
    current: list[str] = []
    prefix = base + "."
    for name in names:
        if name == base:
            current.append(name)
        elif name.startswith(prefix):
            suffix = name[len(prefix) :]
            if _NUMBER.fullmatch(suffix):
                numbered.append((-int(suffix), name))
            elif _STAMP.fullmatch(suffix):
                stamped.append(name)
    return [name for _number, name in sorted(numbered)] + sorted(stamped) + current
