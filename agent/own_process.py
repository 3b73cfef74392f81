"""What this process itself uses, under the names that every Prometheus client has.

/proc/self/stat      CPU ticks, start, memory
/proc/self/fd        its size is the number of open files since Linux 6.2 ("proc: report open
                     files as size in stat() for /proc/pid/fd"); before, they are counted
/proc/self/limits    by getrlimit(2)
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

from agent.families import Family, single
from agent.kernelfile import read
from agent.procfs.stat import parse_boot_time

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class OwnProcess:
    """CPU, memory and open files of this process."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._booted = read(f"{proc}/stat", parse_boot_time)

    def collect(self) -> Iterator[Family]:
        """Read the numbers now. What cannot be read has no family."""
        fields = read(f"{self._proc}/self/stat", lambda text: text.rpartition(")")[2].split())
        if fields is None:
            return
        yield single(
            "gauge",
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            int(fields[20]),
        )
        yield single(
            "gauge",
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            int(fields[21]) * _PAGE,
        )
        if self._booted is not None:
            yield single(
                "gauge",
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
                int(fields[19]) / _TICKS + self._booted,
            )
        yield single(
            "counter",
            "process_cpu_seconds",
            "Total user and system CPU time spent in seconds.",
            int(fields[11]) / _TICKS + int(fields[12]) / _TICKS,
        )
        directory = f"{self._proc}/self/fd"
        yield single(
            "gauge",
            "process_open_fds",
            "Number of open file descriptors.",
            os.stat(directory).st_size or len(os.listdir(directory)),
        )
        yield single(
            "gauge",
            "process_max_fds",
            "Maximum number of open file descriptors.",
            resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        )
