"""[docker] The Engine API."""

from __future__ import annotations

from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """[docker] Docker's Engine API, where its files may not be read."""

    socket: str = ""
    """"/run/docker.sock"; "" asks nobody. Whoever may connect to it is root on the host."""

    def __post_init__(self) -> None:
        if self.socket and not self.socket.startswith("/"):
            raise ValueError(f"socket = {self.socket!r}: must be an absolute path")
