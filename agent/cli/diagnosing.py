"""The sampler with all that the rules of a diagnosis look at; the same for `why` and `top`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent.config import Config
    from agent.filesystem.target import Target
    from agent.filesystem.usage import FilesystemReading
    from agent.filesystem.watcher import FilesystemWatcher
    from agent.lifecycle.keeper import LifetimeKeeper
    from agent.lifecycle.totals import Lifetimes
    from agent.sampler import Sampler

_LOOKS: Final = 2.0
"""Seconds between two looks at logs and filesystems; a thread's budget makes them fewer."""
GROUPS: Final = ("process", "netstat", "cpuset", "memory_events", "cpu")
"""Groups of metrics whose files the rules need beside those that are always read."""


def open_sampler(config: Config, stack: ExitStack) -> tuple[Sampler, Callable[[], None]]:
    """
    The sampler, and what starts the parts that follow containers and measure filesystems.

    `stack` ends them. Raises `NoCgroups`.
    """
    from agent.sampler import Sampler, host_hierarchies
    from agent.sources.chosen import Chosen

    # Only where they are configured; they tell requests, and more of names and owners.
    sources = Chosen(config.docker, config.kubernetes)
    lifetimes, filesystem = _LaterLifetimes(), _LaterFilesystem()
    sampler = stack.enter_context(
        Sampler(
            config.paths,
            filesystem=filesystem,
            lifetimes=lifetimes,
            groups=GROUPS,
            services=config.metrics.systemd,
            engine=sources.engine,
            pods=sources.pods,
        )
    )

    def start() -> None:
        from agent.filesystem.watcher import FilesystemWatcher
        from agent.lifecycle.keeper import LifetimeKeeper

        lifetimes.keeper = keeper = LifetimeKeeper(
            config.lifecycle, config.paths, host_hierarchies(config.paths)
        )
        # A person looks for seconds, not for as long as a daemon: how fast logs grow must show.
        filesystem.watcher = watcher = FilesystemWatcher(
            config.filesystem, config.paths, looks=_LOOKS
        )
        for part in (sources, keeper, watcher):
            part.start()
            stack.callback(part.stop)

    return sampler, start


class _LaterLifetimes:
    """Knows nothing until there is a keeper: a screen is not to wait for its modules."""

    def __init__(self) -> None:
        self.keeper: LifetimeKeeper | None = None

    def read(self) -> Lifetimes:
        """See `LifetimeKeeper`."""
        from agent.lifecycle.totals import Lifetimes

        return Lifetimes() if self.keeper is None else self.keeper.read()


class _LaterFilesystem:
    """The same of filesystems."""

    def __init__(self) -> None:
        self.watcher: FilesystemWatcher | None = None

    def update(self, targets: Iterable[Target]) -> FilesystemReading:
        """See `FilesystemWatcher`."""
        from agent.filesystem.usage import FilesystemReading

        if self.watcher is None:
            return FilesystemReading({}, None)
        return self.watcher.update(targets)
