"""One container's records from its files, for a person: the worker's parsers, without the worker.

Their contents are the program's own bytes, which need not be UTF-8.

Reads rotated files, compressed ones too, in their order, and goes on across rotation and
truncation as the worker does (chain.py). It delivers nothing and remembers nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, Self

from agent.logs.chain import Chain
from agent.logs.checkpoint import FileRecord
from agent.logs.ending import Ending
from agent.logs.entry import Entry
from agent.logs.faults import FaultLog
from agent.logs.ledger import Ledger
from agent.logs.listing import list_files
from agent.logs.stats import ContainerCounters

_BLOCK: Final = 256 * 1024


class LogReader:
    """The records of one container. To be closed."""

    def __init__(
        self,
        path: str,
        log_format: str,
        faults: FaultLog,
        passed_over: list[FileRecord],
        *,
        owner: int | None = None,
        ending: Ending | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """passed_over: what not to read (starting_point.py). ending: what knows of the container's
        end, for whoever follows it."""
        self._clock = clock
        ledger = Ledger(ContainerCounters(path), faults)
        self._chain = Chain(path, log_format, ledger, passed_over, owner=owner, raw=True)
        self._chain.ending = ending

    def read(self) -> Iterator[list[Entry]]:
        """Yield what there is to read now, whole records in order."""
        chain = self._chain
        now = self._clock()
        chain.rotation.look(now)
        while (unread := chain.next_unread(now)) is not None:
            file, size = unread
            block = file.read(_BLOCK) if size > 0 else None
            if block is None or not block.intact:
                batches = chain.begin_anew(file, now, time.time_ns())
            else:
                batches = chain.take(file, block.data, time.time_ns())
            for batch in batches:
                yield batch.entries
        for batch in chain.retire(now, time.time_ns()):
            yield batch.entries

    def finish(self) -> Iterator[list[Entry]]:
        """Yield the last line where it has no end yet. Nothing may be read after it."""
        for batch in self._chain.finish(time.time_ns()):
            yield batch.entries

    @property
    def gone(self) -> bool:
        """Whether its files were deleted, all of them: nothing more is to come."""
        rotation = self._chain.rotation
        return not list_files(rotation.directory, rotation.base)

    def close(self) -> None:
        """Close its files."""
        for file in self._chain.rotation.files:
            file.close()
        self._chain.rotation.files.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
