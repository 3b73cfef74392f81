"""What both loaders hand over: a running set of BPF programs, held by file descriptors alone.

Nothing is pinned. When the last copy of a link's descriptor is closed, which the kernel also does
for a process that is killed, its program is detached; when the last copy of a map's is closed and
no program uses the map, its memory is freed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from agent.bpf.attach import attach
from agent.bpf.probeset import IDLE, Program
from agent.records import dataclass, field


@dataclass(slots=True)
class Loaded:
    """Owns its descriptors. `close` ends the programs."""

    programs: dict[str, int] = field(default_factory=dict)
    """Program name -> descriptor. A program may be loaded and not attached."""
    links: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Program name -> descriptors of its attachments: one for each CPU for a sampling program."""
    maps: dict[str, int] = field(default_factory=dict)
    """Map name -> descriptor."""
    off: dict[str, str] = field(default_factory=dict)
    """Program name -> why it does not run, in words."""

    def attach(self, program: Program) -> None:
        """Have the kernel run it. Raise OSError where it refuses. May be called again."""
        if program.name not in self.links and program.kind not in IDLE:
            self.links[program.name] = attach(program, self.programs[program.name])

    def detach(self, name: str) -> None:
        """Stop a program, and keep it loaded. May be called again."""
        close_all(self.links.pop(name, ()))

    def close(self) -> None:
        """Detach and free. May be called again."""
        links = [fd for each in self.links.values() for fd in each]
        fds = [*links, *self.programs.values(), *self.maps.values()]
        self.links.clear()
        self.programs.clear()
        self.maps.clear()
        close_all(fds)


class LoadFailed(Exception):
    """A loader could not bring up one single program. The message says why, in words."""

    def __init__(self, reason: str, off: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.off = dict(off or {})
        """Program name -> its own reason, where the loader got as far as that."""


def close_all(fds: Iterable[int]) -> None:
    """Close each descriptor, whatever happens to the others."""
    failed: OSError | None = None
    for fd in fds:
        try:
            os.close(fd)
        except OSError as error:
            failed = error
    if failed is not None:
        raise failed
