"""Writes a container's log as dockerd's json-file driver does, as a process of its own.

    python -m tests.docker_log_writer PATH LINES ROTATIONS SECONDS

Numbered lines ("line 000017 …"), spread over about SECONDS; the file is renamed ROTATIONS times on
the way, X → X.1 → X.2 …, with a `max-file` so large that nothing is deleted.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

PADDING = "." * 40
BATCH = 500
"""Lines between pauses. Each is written by a call of its own, as dockerd does."""


def docker_line(number: int, now_ns: int) -> bytes:
    seconds, nanoseconds = divmod(now_ns, 10**9)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    fraction = f"{nanoseconds:09d}".rstrip("0")
    stamp += f".{fraction}Z" if fraction else "Z"
    log = f"line {number:06d} {PADDING}"
    return f'{{"log":"{log}\\n","stream":"stdout","time":"{stamp}"}}\n'.encode()


def rotate(path: str) -> None:
    number = 1
    while os.path.exists(f"{path}.{number}"):
        number += 1
    for older in range(number, 1, -1):
        Path(f"{path}.{older - 1}").rename(f"{path}.{older}")
    Path(path).rename(f"{path}.1")


def open_log(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)


def write(path: str, lines: int, rotations: int, seconds: float) -> None:
    per_file = lines // (rotations + 1) + 1
    began = time.monotonic()
    fd = open_log(path)
    for number in range(lines):
        if number and number % per_file == 0:
            os.close(fd)
            rotate(path)
            fd = open_log(path)
        os.write(fd, docker_line(number, time.time_ns()))
        if number % BATCH == 0:
            due = began + seconds * number / lines
            time.sleep(max(0.0, due - time.monotonic()))
    os.close(fd)


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
