"""[filesystem] Sizes of layers, volumes and filesystems."""

from __future__ import annotations

from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class FilesystemConfig:
    """[filesystem] Writable layers, volumes and the host's filesystems, in the background."""

    enabled: bool = True
    interval: float = 60.0
    """Seconds between two looks at a container; it is walked then if it wrote meanwhile."""
    full_interval: float = 600.0
    """Seconds after which it is walked in any case: a deletion writes nothing."""
    walk_seconds: float = 30.0
    """For one directory tree; after them its size is what was counted, and not complete."""
    entries_per_second: float = 10000.0
    """Within a walk. 10,000 take a tenth of a core and are a light load for a spinning disk."""
    network: bool = False
    """Also ask network and FUSE filesystems. One that hangs costs a thread and is left alone."""

    def __post_init__(self) -> None:
        for name, least in (
            ("interval", 1.0),
            ("full_interval", self.interval),
            ("walk_seconds", 0.1),
            ("entries_per_second", 100.0),
        ):
            value = getattr(self, name)
            if not value >= least:
                raise ValueError(f"{name} = {value}: must be at least {least:g}")
