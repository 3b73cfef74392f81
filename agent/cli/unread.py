"""What of the host could not be read, on stderr; the same for each command that reads it once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.model import SourceHealth


def tell(command: str, health: Iterable[SourceHealth]) -> None:
    """One line for each source with failures, and what to do where rights are what is missing."""
    failed = [source for source in health if source.failures]
    for source in failed:
        print(
            f"agent {command}: {source.source}: {source.failures} could not be read, the first:"
            f" {source.message}",
            file=sys.stderr,
        )
    if os.geteuid() and any("Permission denied" in source.message for source in failed):
        print(
            f"agent {command}: root sees more; `agent doctor` says which right buys what",
            file=sys.stderr,
        )
