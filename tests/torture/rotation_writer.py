"""Writes a CRI log at speed and rotates it as the kubelet does, as a process of its own.

    python -m tests.torture.rotation_writer PATH RATE SECONDS EVERY

Each EVERY seconds, in the kubelet's order: rotated files that are still plain are compressed
(.tmp → .gz, then the plain one removed), the current one is renamed to PATH.TIMESTAMP, and after a
moment in which the writer goes on in the renamed file it opens a new one. Nothing is deleted: what
is under test is loss by rotation. Prints the number of lines written.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import time
from pathlib import Path


def cri_line(number: int) -> bytes:
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{stamp}.{nanoseconds:09d}Z stdout F line {number:06d} {'.' * 60}\n".encode()


def compress(path: Path) -> None:
    temporary = path.with_name(path.name + ".tmp")
    with path.open("rb") as plain, gzip.open(temporary, "wb", compresslevel=1) as packed:
        shutil.copyfileobj(plain, packed)
    temporary.rename(path.with_name(path.name + ".gz"))
    path.unlink()


def write(path: Path, rate: int, seconds: float, every: float) -> int:
    batch = rate // 50
    fd = open_log(path)
    began = time.monotonic()
    rotate_at = began + every
    number = rotations = 0
    while (now := time.monotonic()) < began + seconds:
        for _ in range(batch):
            os.write(fd, cri_line(number))
            number += 1
        if now >= rotate_at:
            rotate_at += every
            rotations += 1
            for rotated in sorted(path.parent.glob(f"{path.name}.*")):
                if rotated.suffix not in (".gz", ".tmp"):
                    compress(rotated)
            path.rename(f"{path}.20261124-{rotations:06d}")
            for _ in range(batch):  # before it is told to open the new one
                os.write(fd, cri_line(number))
                number += 1
            os.close(fd)
            fd = open_log(path)
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
    os.close(fd)
    return number


def open_log(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)


if __name__ == "__main__":
    print(write(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
