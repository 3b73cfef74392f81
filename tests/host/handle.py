"""What every host fixture says about a container it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Network = Literal["none", "host"]
"""none: a network namespace of its own with loopback alone."""


@dataclass(frozen=True, slots=True)
class ContainerHandle:
    """One running container."""

    id: str
    """64 hex digits from Docker and Podman; the name from ctr."""
    name: str
    pid: int
    """Host pid of its first process."""
    image: str
    log_path: str
    """The file its output goes to: json-file from Docker, CRI form from Podman, bare from ctr."""


class ContainerHost(Protocol):
    """The part all the fixtures share."""

    runtime: str
    """docker, containerd, podman: the word `Container.runtime` has."""
    image: str
    """Name of the busybox image: every applet in /bin, /bin/sh. Its command ends at once."""
    image_id: str
    """"sha256:…", the same in all of them."""

    def run(
        self,
        name: str,
        argv: Sequence[str],
        *,
        memory: int | None = None,
        cpus: float | None = None,
        network: Network = "none",
        labels: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> ContainerHandle:
        """Start a container in the background. memory: bytes. options: further arguments of the
        runtime's own `run`, before the image."""

    def remove(self, name: str) -> None:
        """Kill it and remove it; returns when it is gone."""

    def cli(self, *args: str) -> str:
        """Run the runtime's own client against this host, and return what it printed."""
