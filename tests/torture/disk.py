"""A small disk of its own for the agent's state, that really fills up.

A tmpfs where we may mount one. Elsewhere the checkpoint's temporary file leads to /dev/full, which
the kernel answers with ENOSPC too; the spool then always has room.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

_SIZE: Final = 1024 * 1024


class StateDisk:
    """A directory that can be full."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.full = False
        self._filler = directory / "filler"
        directory.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "torture", str(directory)]
        self._mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0

    def fill(self) -> None:
        """Leave no room, not even what was freed since the last time."""
        self.full = True
        if not self._mounted:
            self._dev_full().unlink(missing_ok=True)
            self._dev_full().symlink_to("/dev/full")
            return
        try:
            with self._filler.open("ab", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        except OSError:
            pass

    def free(self) -> None:
        """Make room again."""
        self.full = False
        self._filler.unlink(missing_ok=True)
        if not self._mounted:
            self._dev_full().unlink(missing_ok=True)

    def clear(self) -> None:
        """For the next run."""
        self.free()
        for path in sorted(self.directory.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()

    def close(self) -> None:
        """Give the disk back."""
        if self._mounted:
            subprocess.run(["umount", str(self.directory)], check=True)

    def _dev_full(self) -> Path:
        return self.directory / "checkpoint.json.tmp"
