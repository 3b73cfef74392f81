"""What the benchmarks of BPF probes run: C programs that do one thing many times.

Each prints the nanoseconds of one:

    syscall   getppid: CPU time
    switch    a byte through a pipe and one back, two switches of a CPU: CPU time
    fault     a page touched for the first time, a minor fault: CPU time
    reread    4 KiB of a file in the page cache: CPU time
    segment   one byte through TCP over the loopback and one back, two segments: CPU time
    read      4 KiB direct reads of a file in random places: time, as an interrupt is no process's
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

COUNTS: Final[Mapping[str, int]] = {
    "syscall": 2_000_000,
    "switch": 40_000,
    "fault": 400_000,
    "reread": 600_000,
    "segment": 16_000,
    "read": 2_000,
}
"""Workload -> operations of one run: some 0.2 s."""
FILE_BYTES: Final = 64 << 20


def commands_in(directory: Path) -> dict[str, Sequence[str]]:
    """Build the C programs there, and the file to read. Workload -> its command."""
    for name in ("kernel_loops", "direct_read", "ping_pong"):
        source = Path(__file__).with_name(f"{name}.c")
        subprocess.run(["cc", "-O2", "-Wall", "-o", str(directory / name), str(source)], check=True)
    with open(directory / "file", "wb") as file:
        file.write(os.urandom(FILE_BYTES))
        file.flush()
        os.fsync(file.fileno())
    loops, path = str(directory / "kernel_loops"), str(directory / "file")
    return {
        "syscall": [loops, "syscall", str(COUNTS["syscall"])],
        "switch": [loops, "switch", str(COUNTS["switch"])],
        "fault": [loops, "fault", str(COUNTS["fault"])],
        "reread": [loops, "reread", str(COUNTS["reread"]), path],
        "segment": [str(directory / "ping_pong"), "tcp", str(COUNTS["segment"])],
        "read": [str(directory / "direct_read"), path, str(COUNTS["read"])],
    }


def run(command: Sequence[str]) -> float:
    """Nanoseconds of one operation."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)
