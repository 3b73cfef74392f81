"""Numbers of cgroups, as BPF programs know them: the inodes of their directories."""

from __future__ import annotations

import os


def ids_below(directory: str) -> frozenset[int]:
    """Of the cgroup in `directory` and those below it, now. Empty once it is gone."""
    found = set()
    for path, _, _ in os.walk(directory):
        try:
            found.add(os.stat(path).st_ino)
        except FileNotFoundError:
            continue  # One below it ended in between.
    return frozenset(found)
