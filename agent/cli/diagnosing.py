"""The sampler with all that the rules of a diagnosis look at; the same for `why` and `top`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent.config import Config
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
    from agent.filesystem.watcher import FilesystemWatcher
    from agent.lifecycle.keeper import LifetimeKeeper
    from agent.sampler import Sampler, host_hierarchies
    from agent.sources.chosen import Chosen

    # Only where they are configured; they tell requests, and more of names and owners.
    sources = Chosen(config.docker, config.kubernetes)
    lifetimes = LifetimeKeeper(config.lifecycle, config.paths, host_hierarchies(config.paths))
    # A person looks for seconds, and not for as long as a daemon: how fast logs grow must show.
    filesystem = FilesystemWatcher(config.filesystem, config.paths, looks=_LOOKS)
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
        for part in (sources, lifetimes, filesystem):
            part.start()
            stack.callback(part.stop)

    return sampler, start
