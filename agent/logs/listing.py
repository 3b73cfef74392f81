"""The log files of one container, as their directory has them now."""

from __future__ import annotations

import os

from agent.logs.identity import Listed
from agent.logs.siblings import chain_order


def list_files(directory: str, base: str) -> list[Listed]:
    """List `base` and it rotated, oldest first; nothing where the directory is not there. Raises
    any other OSError."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    out: list[Listed] = []
    for name in chain_order(base, names):
        try:
            status = os.stat(os.path.join(directory, name))
        except FileNotFoundError:
            continue
        out.append(Listed(name, status.st_ino, status.st_size, status.st_mtime_ns))
    return out
