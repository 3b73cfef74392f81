"""/proc/PID/limits: the resource limits of a process.

Docs    https://man7.org/linux/man-pages/man5/proc_pid_limits.5.html

    Limit                     Soft Limit           Hard Limit           Units
    Max open files            1024                 524288               files
"""

from __future__ import annotations

from typing import Final

from agent.kernelfile import UNLIMITED, Limit, UnexpectedText, parse_count

_OPEN_FILES: Final = "Max open files "


def parse_max_open_files(text: str) -> Limit:
    """Return the soft limit of open files."""
    for line in text.splitlines():
        if line.startswith(_OPEN_FILES):
            soft = line.removeprefix(_OPEN_FILES).split(None, 1)[:1]
            return UNLIMITED if soft == ["unlimited"] else parse_count(" ".join(soft))
    raise UnexpectedText(text)
