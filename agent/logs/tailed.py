"""One container whose log is read: its chain of files, its encoder, its rules, and when to ask it
again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from agent.container.container import Container
from agent.logs.chain import Chain
from agent.logs.chunk import EntryEncoder, LineEncoder, OffsetEncoder
from agent.logs.processing.stage import RuleStage
from agent.records import dataclass

POLL_MIN: Final = 0.02
POLL_MAX: Final = 1.0
"""Seconds between looks at a file's size: at most while it grows, and at least when it does not."""


class Source(Protocol):
    """A container's log: what discovery finds."""

    @property
    def path(self) -> str:
        """The path the container logs to, as this process sees it."""
        ...

    @property
    def format(self) -> str:
        """A key of parsers.PARSERS."""
        ...

    @property
    def container(self) -> Container:
        """Whose it is."""
        ...

    @property
    def owner(self) -> int | None:
        """The uid its files must belong to; None: any."""
        ...

    @property
    def fields(self) -> Mapping[str, str]:
        """More constant fields for each of its records."""
        ...


@dataclass(slots=True, eq=False)
class Tailed:
    """One container: its chain, its encoder, and when to ask again."""

    chain: Chain
    fields: dict[str, str]
    encoder: EntryEncoder
    poll_at: float
    interval: float = POLL_MIN
    nameless_until: float = float("-inf")
    """Monotonic seconds until which it is not read, so that its records get a name and an image."""
    held_until: float = float("-inf")
    """Monotonic seconds until which it is not read, because it is over its rate."""
    container: Container | None = None
    """Whose rules `stage` follows."""
    stage: RuleStage | None = None
    ended_at: float | None = None
    """Monotonic seconds when its last file was closed for good."""
    forgotten: bool = False
    """No longer one of the intake's."""

    @property
    def silent(self) -> bool:
        """Nothing came for as long as it takes to be looked at rarely."""
        return self.interval >= POLL_MAX

    def shorten(self) -> None:
        """Let lines that need nothing but encoding take the encoder's short way, if it has one."""
        encoder, chain = self.encoder, self.chain
        chain.offsets = isinstance(encoder, OffsetEncoder) and encoder.needs_offsets
        chain.block_encoder = (
            encoder.block_encoder(chain.format) if isinstance(encoder, LineEncoder) else None
        )
