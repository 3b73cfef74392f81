"""What drives pods over CRI (cri.py) needs of the runtime that runs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.demo.image import NoBusybox, archive, find_busybox, image_id
from tests.host.cni import PodNetwork
from tests.host.daemon import HostUnavailable
from tests.host.grpc import CallFailed, Channel

IMAGE = "registry.test/busybox:1"
PAUSE = "registry.test/pause:3.9"


@dataclass(frozen=True, slots=True)
class Images:
    """The two images that every engine has."""

    archives: dict[str, bytes]
    """Reference → archive as `docker save` writes it."""
    image_id: str
    pause_id: str


class Engine(Protocol):
    """A running runtime with CRI, its images loaded."""

    runtime: str
    """As the agent calls it."""
    name: str
    """Of its files below the session's directory."""
    root: Path
    """Where it keeps its containers."""
    network: PodNetwork
    channel: Channel
    images: Images

    def pid(self, id_: str) -> int | None:
        """The first process of a container or sandbox; None where it has ended."""
        ...

    def close(self) -> None:
        """End the daemon."""
        ...


def images() -> Images:
    """Make the images. Raises `HostUnavailable`."""
    try:
        busybox = find_busybox()
        made = {
            IMAGE: archive(busybox, IMAGE),
            PAUSE: archive(busybox, PAUSE, command=("/bin/sleep", "2147483647")),
        }
    except NoBusybox as error:
        raise HostUnavailable(str(error)) from None
    return Images(made, image_id(made[IMAGE]), image_id(made[PAUSE]))


def is_answering(channel: Channel) -> bool:
    """Whether the runtime answers a call."""
    try:
        channel.call("/runtime.v1.RuntimeService/Version", {})
    except CallFailed:
        return False
    return True
