"""Which commit this agent was made from, where that is known.

    agent/revision.txt   "24c85db2…", with "-dirty" where files had been changed; written by
                         `git archive` (export-subst) and by setup.py into what it builds
    .git                 of the checkout an editable installation runs from: HEAD, as it is now

Nothing is run: git need not be there, and a process of the agent asks once, at its start.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_HASH: Final = re.compile(r"[0-9a-f]{40,64}\b")
_WRITTEN: Final = re.compile(r"[0-9a-f]{7,64}(-dirty)?")
_SHOWN: Final = 12
"""Digits: enough for the kernel's history."""
_HERE: Final = Path(__file__).resolve().parent


def revision(package: Path = _HERE) -> str | None:
    """The first 12 digits of the commit, and perhaps "-dirty"; None: not known."""
    written = _read(package / "revision.txt")
    match = _WRITTEN.fullmatch(written)
    if match is not None:
        return written.partition("-")[0][:_SHOWN] + (match[1] or "")
    checkout = package.parent
    # The package's own checkout, and not one that an environment happens to be installed in.
    found = _head(checkout / ".git") if (checkout / "pyproject.toml").is_file() else None
    return None if found is None else found[:_SHOWN]


def _head(git: Path) -> str | None:
    if git.is_file():  # a worktree: "gitdir: /where/.git/worktrees/name"
        git = git.parent / _read(git).removeprefix("gitdir: ")
    shared = git / (_read(git / "commondir") or ".")
    head = _read(git / "HEAD")
    name = head.removeprefix("ref: ")
    if name == head:
        return _hash(head)
    for place in (git, shared):
        if found := _hash(_read(place / name)):
            return found
    packed = (line.split(" ") for line in _read(shared / "packed-refs").splitlines())
    return next((_hash(line[0]) for line in packed if line[1:] == [name]), None)


def _hash(text: str) -> str | None:
    return text if _HASH.fullmatch(text) else None


def _read(path: Path) -> str:
    """ "" where it cannot be read: then it is not known."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
