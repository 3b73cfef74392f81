"""One log of one container: what the log worker is given to read, or why there is no file."""

from __future__ import annotations

from collections.abc import Mapping

from agent.container.container import Container
from agent.records import dataclass, field


@dataclass(frozen=True, slots=True)
class LogSource:
    """The current file; rotated ones beside it are the log worker's to find."""

    path: str
    """As this process opens it, symbolic links resolved; "" for a container that has no file."""
    format: str
    """docker (json-file), docker-local, cri (containerd, CRI-O, Podman's k8s-file) or plain; "" for
    no file."""
    container: Container
    owner: int | None = None
    """The uid that every one of the files must belong to, where an ordinary user said which files
    these are. None: a runtime of root's said so."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """More constant fields for each of its records."""
