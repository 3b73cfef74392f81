"""A Discovery to ask about cgroups of a tree made by hand, with a clock to turn."""

from __future__ import annotations

from collections.abc import Callable

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container
from agent.container.discovery import Discovery
from tests.agent.container.tree import Tree


class Asking:
    """A Discovery with a clock to turn, that counts how often it asked for processes."""

    def __init__(self, tree: Tree) -> None:
        self.time = 0.0
        self.pids_read = 0
        self.discovery = Discovery(tree.paths, now=lambda: self.time)

    def __call__(self, cgroup: Cgroup, *pids: int) -> Container | None:
        return self.discovery.container_of(cgroup, self.pids(*pids))

    def pids(self, *pids: int) -> Callable[[], tuple[int, ...]]:
        def read() -> tuple[int, ...]:
            self.pids_read += 1
            return pids

        return read


def sure(container: Container | None) -> Container:
    assert container is not None
    return container
