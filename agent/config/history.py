"""[history] What the host did lately, kept on disk."""

from __future__ import annotations

from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class HistoryConfig:
    """[history] The ring that agent top, agent why and agent events answer about the past from."""

    enabled: bool = True
    """A Snapshot costs a third of the CPU of reading it, once in `interval`."""
    directory: str = ""
    """"": `history` below logs.state. Root's alone: it holds labels."""
    interval: float = 10.0
    """Seconds between two Snapshots that are kept, at least. Longer where `hours` of them would not
    fit into `max_bytes`, up to six times this; after that the ring reaches back less far."""
    hours: float = 24.0
    max_bytes: int = 200_000_000
    """100 containers that all work take about 140 MB a day."""

    def __post_init__(self) -> None:
        for name, least in (("interval", 1.0), ("hours", 0.1), ("max_bytes", 1_000_000)):
            value = getattr(self, name)
            if not value >= least:
                raise ValueError(f"{name} = {value}: must be at least {least:g}")
        if self.directory and not self.directory.startswith("/"):
            raise ValueError(f"directory = {self.directory!r}: must be an absolute path")

    def place(self, state: str) -> str:
        """The directory; `state` is logs.state."""
        return self.directory or f"{state}/history"
