"""The optional sources that the configuration asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from agent.config import DockerConfig, KubernetesConfig
from agent.container.told import ToldPod

if TYPE_CHECKING:
    from agent.sources.docker_engine import DockerEngine
    from agent.sources.follower import Follower
    from agent.sources.kubernetes import Pods


class Chosen:
    """Docker's API and Kubernetes; each None where it is not configured."""

    def __init__(
        self,
        docker: DockerConfig,
        kubernetes: KubernetesConfig,
        pods_changed: Callable[[Iterable[ToldPod]], None] | None = None,
    ) -> None:
        """Nothing is asked before `start`. pods_changed: see `Pods`."""
        self.engine: DockerEngine | None = None
        self.pods: Pods | None = None
        # HTTP and TLS take 4 MiB, which only those pay who use them.
        if docker.socket:
            from agent.sources.docker_engine import DockerEngine

            self.engine = DockerEngine(docker.socket)
        if kubernetes.source != "off":
            from agent.sources.kubernetes import Pods

            self.pods = Pods(kubernetes, changed=pods_changed)

    def start(self) -> None:
        """Begin to follow them."""
        for follower in self._followers():
            follower.start()

    def stop(self) -> None:
        """End it; returns when their threads have ended."""
        for follower in self._followers():
            follower.stop()

    def failures(self) -> Mapping[str, int]:
        """Source → how often it could not be followed, and was tried again."""
        return {follower.name: follower.failures for follower in self._followers()}

    def up(self) -> Mapping[str, int]:
        """Source → 1 while it is followed."""
        return {follower.name: int(follower.up) for follower in self._followers()}

    def _followers(self) -> list[Follower]:
        return [source.follower for source in (self.engine, self.pods) if source is not None]
