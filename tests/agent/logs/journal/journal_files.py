"""Journal files with the entries a test wants, written by systemd's own systemd-journal-remote.

    journal = JournalFiles(directory)
    journal.write([docker_entry(CONTAINER, "hello")])

No systemd has to run: the program turns systemd's export format into a journal file.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pytest

Fields = Mapping[str, str | bytes]

CONTAINER: Final = "4f" * 32
OTHER: Final = "a0" * 32
BOOT: Final = "0123456789abcdef0123456789abcdef"
START_US: Final = 1_790_000_000_000_000
_PLACES: Final = ("/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote")


def docker_entry(container: str, message: str | bytes, **more: str) -> dict[str, str | bytes]:
    """What dockerd's journald driver writes for a line on stdout."""
    return {
        "MESSAGE": message,
        "PRIORITY": "6",
        "CONTAINER_ID": container[:12],
        "CONTAINER_ID_FULL": container,
        "CONTAINER_NAME": "web",
        "IMAGE_NAME": "shop/web:1",
        "_COMM": "dockerd",
        "_UID": "0",
        "_SYSTEMD_UNIT": "docker.service",
        **more,
    }


def export(entries: Iterable[Fields], start_us: int = START_US) -> bytes:
    """Entries in the export format, a microsecond apart."""
    out = bytearray()
    for number, fields in enumerate(entries):
        at = start_us + number
        for name, value in {
            "__REALTIME_TIMESTAMP": str(at),
            "__MONOTONIC_TIMESTAMP": str(at - START_US + 1),
            "_BOOT_ID": BOOT,
            **fields,
        }.items():
            data = value if isinstance(value, bytes) else value.encode()
            if b"\n" in data or any(byte < 32 for byte in data):
                out += name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
            else:
                out += name.encode() + b"=" + data + b"\n"
        out += b"\n"
    return bytes(out)


class JournalFiles:
    """A directory of journal files."""

    def __init__(self, directory: Path) -> None:
        program = next((place for place in _PLACES if Path(place).exists()), None)
        program = program or shutil.which("systemd-journal-remote")
        if program is None:
            pytest.skip("not installed: systemd-journal-remote")
        self._program = program
        self.directory = directory
        self._written = 0

    def write(self, entries: list[Fields], name: str = "system") -> Path:
        """Append entries to the file of this name; times go on from earlier ones."""
        path = self.directory / f"{name}.journal"
        data = export(entries, START_US + self._written)
        self._written += len(entries)
        argv = [self._program, f"--output={path}", "--split-mode=none", "-"]
        done = subprocess.run(argv, input=data, capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr.decode()
        return path
