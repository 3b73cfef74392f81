"""The destination of logs that is there by default, and so loaded with every configuration.

The others are in `agent.log_destinations`.
"""

from __future__ import annotations

from typing import Literal

from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class FileDestination:
    """[[logs.destination]] type = "file": JSON lines, rotated."""

    type: Literal["file"] = "file"
    path: str = "/var/log/container-agent/containers.jsonl"
    max_bytes: int = 100 * 1024 * 1024
    max_files: int = 5

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"path = {self.path!r}: must be an absolute path")
        if self.max_bytes < 4096:
            raise ValueError(f"max_bytes = {self.max_bytes}: must be at least 4096")
        if self.max_files < 1:
            raise ValueError(f"max_files = {self.max_files}: must be at least 1")

    @property
    def name(self) -> str:
        """What it is called in series and messages."""
        return f"file {self.path}"
