"""Which commit this agent was made from, where that is known.

    agent/revision.txt   "24c85db2…", with "-dirty" where files had been changed; written by
                         `git archive` (export-subst) and by setup.py into what it builds
    .git                 of the checkout an editable installation runs from: HEAD, as it is now

Nothing is run: git need not be there, and a process of the agent asks once, at its start. Paths are
texts: pathlib takes 190 KB, and the metrics process uses it for nothing else.
"""

from __future__ import annotations

import os
import re
from typing import Final

_HASH: Final = re.compile(r"[0-9a-f]{40,64}\b")
_WRITTEN: Final = re.compile(r"[0-9a-f]{7,64}(-dirty)?")
_SHOWN: Final = 12
"""Digits: enough for the kernel's history."""
_HERE: Final = os.path.dirname(os.path.realpath(__file__))


def revision(package: str = _HERE) -> str | None:
    """The first 12 digits of the commit, and perhaps "-dirty"; None: not known."""
    written = _read(f"{package}/revision.txt")
    match = _WRITTEN.fullmatch(written)
    if match is not None:
        return written.partition("-")[0][:_SHOWN] + (match[1] or "")
    checkout = os.path.dirname(package)
    # The package's own checkout, and not one that an environment happens to be installed in.
    found = _head(f"{checkout}/.git") if os.path.isfile(f"{checkout}/pyproject.toml") else None
    return None if found is None else found[:_SHOWN]


def _head(git: str) -> str | None:
    if os.path.isfile(git):  # a worktree: "gitdir: /where/.git/worktrees/name"
        git = os.path.join(os.path.dirname(git), _read(git).removeprefix("gitdir: "))
    shared = os.path.join(git, _read(f"{git}/commondir") or ".")
    head = _read(f"{git}/HEAD")
    name = head.removeprefix("ref: ")
    if name == head:
        return _hash(head)
    for place in (git, shared):
        if found := _hash(_read(f"{place}/{name}")):
            return found
    packed = (line.split(" ") for line in _read(f"{shared}/packed-refs").splitlines())
    return next((_hash(line[0]) for line in packed if line[1:] == [name]), None)


def _hash(text: str) -> str | None:
    return text if _HASH.fullmatch(text) else None


def _read(path: str) -> str:
    """ "" where it cannot be read: then it is not known."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
