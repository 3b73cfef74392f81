"""/dev/kmsg: the kernel's log, of which the OOM killer's lines tell whom it killed and for whom.

One record is one read: "priority,sequence,microseconds,flags;text\\n", and lines of " KEY=value".

    oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=abc,mems_allowed=0,
        oom_memcg=/docker/abc,task_memcg=/docker/abc,task=dd,pid=4711,uid=0      (one line)

That line is of Linux 5.0 (kernel commit ef8444ea01d7 "mm, oom: reorganize the oom report in
dump_header"); the kernel leaves it out where the killer runs more than 10 times in 5 seconds.

Docs     https://www.kernel.org/doc/Documentation/ABI/testing/dev-kmsg
"""

from __future__ import annotations

import os
import re
import time
from typing import Final, Self

from agent.records import NamedTuple

_LINE: Final = re.compile(
    r"oom-kill:constraint=(?P<constraint>\w+),.*?"
    r"(?:oom_memcg=(?P<limited>.*?)|global_oom),task_memcg=(?P<cgroup>.*?),"
    r"task=(?P<name>.*),pid=(?P<pid>\d+),uid=\d+\s*$"
)
_RECORD: Final = 8192
"""Bytes: the kernel's own limit, PRINTK_MESSAGE_MAX."""


class OomKill(NamedTuple):
    """One victim."""

    name: str
    """The process's comm."""
    pid: int
    cgroup: str
    """Where it was, in the memory hierarchy."""
    limited: str | None
    """The cgroup whose limit was hit. None: the machine itself, or a NUMA node, had no memory."""
    at: float = 0.0
    """Seconds since boot."""


def parse_record(record: bytes) -> OomKill | None:
    """None: another message than the OOM killer's."""
    head, semicolon, rest = record.partition(b";")
    if not semicolon:
        return None
    text = rest.split(b"\n", 1)[0].decode(errors="backslashreplace")
    match = _LINE.search(text)
    if match is None:
        return None
    return OomKill(
        match["name"],
        int(match["pid"]),
        match["cgroup"],
        match["limited"] if match["constraint"] == "CONSTRAINT_MEMCG" else None,
        _seconds(head),
    )


def _seconds(head: bytes) -> float:
    fields = head.split(b",")
    return int(fields[2]) / 1e6 if len(fields) > 2 and fields[2].isdigit() else 0.0


class KernelLog:
    """
    What the OOM killer says from now on; with `earlier` also what the kernel still has.

    Raises OSError where it may not be read: EPERM without CAP_SYSLOG where kernel.dmesg_restrict
    is 1, ENOENT in a container without the device.
    """

    def __init__(self, path: str = "/dev/kmsg", *, earlier: bool = False) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.lseek(self._fd, 0, os.SEEK_SET if earlier else os.SEEK_END)
        except OSError:
            os.close(self._fd)
            raise

    def oom_kills(self) -> list[OomKill]:
        """Those since the last call, oldest first. What the kernel has overwritten is lost."""
        found = []
        while (record := self._next()) is not None:
            kill = parse_record(record)
            if kill is not None:
                found.append(kill)
        return found

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self) -> bytes | None:
        while True:
            try:
                return os.read(self._fd, _RECORD) or None
            except BlockingIOError:
                return None
            except BrokenPipeError:
                continue  # The oldest were overwritten: the next read gives the oldest there is.


def recent_kills(seconds: float) -> list[OomKill] | str:
    """Those of the last `seconds` that the kernel's log still has; or why it cannot be read."""
    try:
        with KernelLog(earlier=True) as log:
            since = time.clock_gettime(time.CLOCK_MONOTONIC) - seconds
            return [kill for kill in log.oom_kills() if kill.at >= since]
    except OSError as error:
        return cannot_read(error)


def cannot_read(error: OSError) -> str:
    """Why, and what would help."""
    return f"{error.strerror} (CAP_SYSLOG, or kernel.dmesg_restrict = 0)"
