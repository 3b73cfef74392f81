"""All containers' log files: which are there, which have something to read, and their blocks.

Synchronous, and never waits: the pipeline decides when, and in which thread the reads happen.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from agent.container.container import Container
from agent.logs.agenda import Agenda
from agent.logs.batch import Batch
from agent.logs.chain import Chain
from agent.logs.checkpoint import FileRecord
from agent.logs.chunk import EntryEncoder
from agent.logs.ending import Ending, unknown
from agent.logs.faults import FaultLog
from agent.logs.ledger import Ledger
from agent.logs.parsers import PARSERS
from agent.logs.processing.rules import Rules
from agent.logs.siblings import chain_order
from agent.logs.spool import Origin, Spool, Spooled
from agent.logs.stats import ContainerCounters
from agent.logs.tail import TailedFile
from agent.logs.tailed import Source, Tailed

NAME_WAIT: Final = 2.0
"""Seconds a new container may take to get its name and image before its lines are read."""
ENDED_KEEP: Final = 120.0
"""Seconds an ended container stays in the statistics."""
MISSING_AFTER: Final = 60.0
"""Seconds after the start in which the log of a container from the checkpoint may still be found:
its runtime may be starting too."""
HELD_BYTES: Final = 2 * 1024 * 1024 * 1024
"""Bytes of deleted files that may be kept open until they are read. The disk is not ours."""
_SPOOL_ROUNDS: Final = 3
"""Looks at a stop for files that were deleted since the look before."""


class Intake:
    """Every container whose log is read."""

    def __init__(
        self,
        remembered: Iterable[FileRecord],
        make_encoder: Callable[[Mapping[str, str]], EntryEncoder],
        faults: FaultLog,
        *,
        from_start: bool,
        held_bytes: int = HELD_BYTES,
        spooled: Iterable[Spooled] = (),
        rules: Rules | None = None,
        alive: Callable[[str], bool | None] = unknown,
    ) -> None:
        """alive: whether the container of that id runs; None where that is not known."""
        self.tailed: dict[str, Tailed] = {}
        """By path."""
        self.held_bytes = 0
        """Of deleted files that are still open."""
        self._remembered: dict[str, list[FileRecord]] = {}
        for record in remembered:
            self._remembered.setdefault(record.path, []).append(record)
        self._make_encoder = make_encoder
        self._faults = faults
        self._first = not from_start
        """Only in the first scan are there files that are older than the agent."""
        self._held_limit = held_bytes
        self._spooled: dict[str, list[Spooled]] = {}
        for item in spooled:
            self._spooled.setdefault(item.origin.path, []).append(item)
        self._missing_at: float | None = None
        self._missing: list[ContainerCounters] = []
        self._rules = rules or Rules()
        self._alive = alive
        self._agenda = Agenda()

    def update(self, sources: Iterable[Source], now: float) -> None:
        """Take what discovery found; look at the files of new containers."""
        found: set[str] = set()
        for source in sources:
            if source.format not in PARSERS:
                self._faults.report(
                    "warning", f"format {source.format}", "A log format is not known.",
                    format=source.format, path=source.path,
                )  # fmt: skip
                continue
            found.add(source.path)
            tailed = self.tailed.get(source.path)
            if tailed is None:
                self._begin(source, now)
            else:
                self._refresh(tailed, source, now)
        for path in self._spooled.keys() - found:  # the container went while nobody read
            self._begin_spooled(path, now)
        if self._missing_at is None:
            self._missing_at = now + MISSING_AFTER
        for path, tailed in self.tailed.items():
            if path not in found and not tailed.chain.rotation.source_gone:
                tailed.chain.rotation.source_gone = True
                for file in tailed.chain.rotation.files:
                    file.grown_at = now  # its last lines may be on their way
        self._first = False

    def look(self, now: float, directory: str | None = None) -> None:
        """Look for new files of every container, or of those in one directory."""
        for tailed in self.tailed.values():
            rotation = tailed.chain.rotation
            if directory is None or rotation.directory == directory:
                rotation.look(now, force=directory is not None)
                if directory is not None and tailed.poll_at > now:
                    tailed.poll_at = now
                    self._agenda.plan(tailed, now)

    def due(self, now: float) -> list[Tailed]:
        """Return the containers with something to read, of those whose time has come."""
        return self._agenda.due(now, len(self.tailed))

    def next_poll(self, now: float) -> float:
        """Seconds until the next container is due."""
        return self._agenda.next_poll(now)

    def retire(self, now: float, read_ns: int) -> Iterable[tuple[Tailed, Batch]]:
        """Close what is finished, and forget containers that are gone."""
        for path, tailed in list(self.tailed.items()):
            if tailed.silent and tailed.chain.at_rest:
                continue
            for batch in tailed.chain.retire(now, read_ns):
                yield tailed, batch
            if tailed.ended_at is None:
                if tailed.chain.rotation.source_gone and tailed.chain.rotation.gone:
                    tailed.ended_at = now
            elif now - tailed.ended_at > ENDED_KEEP:
                del self.tailed[path]
                tailed.forgotten = True
        if self._missing_at is not None and now >= self._missing_at:
            self._count_missing(now)

    def enforce_budget(self) -> None:
        """Give up deleted files while they hold too much of the disk: those that are delivered, and
        then the largest."""
        held: list[tuple[int, Tailed, TailedFile]] = []
        for tailed in self.tailed.values():
            for file in tailed.chain.rotation.files:
                if file.unlinked():
                    size = file.offset + max(0, file.unread())
                    held.append((size, tailed, file))
        total = sum(size for size, _tailed, _file in held)
        if total > self._held_limit:
            held.sort(key=lambda item: (not item[2].finished(), -item[0]))
        for size, tailed, file in held:
            if total <= self._held_limit:
                break
            if not file.busy:
                if tailed.chain.rotation.switch(file):
                    total -= size
                    continue
                tailed.chain.abandon(
                    file, "over_budget", "A deleted log file is given up: held files fill the disk."
                )
                total -= size
        self.held_bytes = total

    def records(self) -> list[FileRecord]:
        """Everything the checkpoint must hold."""
        records = [
            record for tailed in self.tailed.values() for record in tailed.chain.rotation.records()
        ]
        for waiting in self._remembered.values():
            records += waiting
        return records

    def unnamed(self, now: float) -> bool:
        """Whether a container is given time to get its name and image."""
        return any(tailed.nameless_until > now for tailed in self.tailed.values())

    def directories(self) -> set[str]:
        """Where log files are rotated."""
        return {tailed.chain.rotation.directory for tailed in self.tailed.values()}

    def counters(
        self, now: float | None = None, wall_ns: int | None = None
    ) -> list[ContainerCounters]:
        """Every container's totals, lag measured now. now: monotonic seconds."""
        now = time.monotonic() if now is None else now
        wall_ns = time.time_ns() if wall_ns is None else wall_ns
        for tailed in self.tailed.values():
            # One that was silent at its last look, and is delivered, has nothing new to measure.
            if not tailed.silent or tailed.chain.ledger.counters.lag_bytes != 0:
                tailed.chain.measure(now, wall_ns)
        return [
            *(tailed.chain.ledger.counters for tailed in self.tailed.values()),
            *self._missing,
        ]

    def spool(self, spool: Spool, now: float) -> None:
        """Before the last checkpoint: keep what only this process holds."""
        waiting = list(self.tailed.values())
        # Copying takes time, in which runtimes go on rotating: the last round finds little.
        for _round in range(_SPOOL_ROUNDS):
            waiting = [
                tailed
                for tailed in waiting
                if tailed.chain.spool(spool, tailed.fields, tailed.container, now)
            ]

    def close(self) -> None:
        """Close every file."""
        for tailed in self.tailed.values():
            tailed.chain.close()

    def _begin(self, source: Source, now: float) -> None:
        container = source.container
        fields = {**self._rules.fields(container), **source.fields}
        ledger = Ledger(ContainerCounters(source.path), self._faults)
        _name(ledger.counters, container)
        tailed = self._tail(source.path, source.format, ledger, fields, now, source.owner)
        self._describe(tailed, container)
        if not container.complete:
            tailed.nameless_until = now + NAME_WAIT

    def _begin_spooled(self, path: str, now: float) -> None:
        if path in self.tailed:
            return
        origin = self._spooled[path][0].origin
        container = _described(origin)
        ledger = Ledger(ContainerCounters(path), self._faults)
        _name(ledger.counters, container)
        tailed = self._tail(path, origin.format, ledger, origin.fields, now, None)
        self._describe(tailed, container)
        tailed.chain.rotation.source_gone = True

    def _tail(
        self,
        path: str,
        log_format: str,
        ledger: Ledger,
        fields: dict[str, str],
        now: float,
        owner: int | None,
    ) -> Tailed:
        chain = Chain(
            path,
            log_format,
            ledger,
            self._remembered.pop(path, []),
            at_end=self._first,
            owner=owner,
        )
        for item in self._spooled.pop(path, ()):
            record = next(iter(self._remembered.pop(item.file, ())), None)
            try:
                chain.rotation.adopt_spooled(item, record, now)
            except OSError as error:
                self._faults.report(
                    "error", f"spool {item.file}", "A spooled log file cannot be read.",
                    path=item.file, error=error,
                )  # fmt: skip
        chain.rotation.look(now)
        tailed = Tailed(chain, fields, self._make_encoder(fields), now)
        tailed.shorten()
        self.tailed[path] = tailed
        self._agenda.plan(tailed, now)
        return tailed

    def _describe(self, tailed: Tailed, container: Container) -> None:
        """Give a container what knows of its end, and the stage its rules and labels ask for.
        Between two of its blocks."""
        if tailed.container is container:
            return  # discovery gives a new object where anything changed
        tailed.container = container
        chain = tailed.chain
        chain.ending = Ending(chain.format, container.id, self._alive)
        stage = self._rules.stage(container, chain.ledger.counters, self._faults, tailed.stage)
        if stage is not tailed.stage:
            tailed.stage = chain.stage = stage
            tailed.shorten()

    def _count_missing(self, now: float) -> None:
        """Containers of the checkpoint that are not there any more, and neither are their files."""
        self._missing_at = now + MISSING_AFTER
        for path, records in list(self._remembered.items()):
            directory, base = os.path.split(path)
            try:
                if chain_order(base, os.listdir(directory)):
                    continue  # discovery does not find it, and cannot say that it is gone
            except FileNotFoundError:
                pass
            except OSError:
                continue
            del self._remembered[path]
            if any(not record.done for record in records):
                counters = ContainerCounters(path)
                Ledger(counters, self._faults).lose(
                    "missing", "A log went before it was read to its end; nobody read then."
                )
                self._missing.append(counters)

    def _refresh(self, tailed: Tailed, source: Source, now: float) -> None:
        container = source.container
        rotation = tailed.chain.rotation
        if rotation.source_gone:
            rotation.source_gone = False
            tailed.ended_at = None
            rotation.look(now, force=True)
        if container.complete and tailed.nameless_until > now:
            tailed.nameless_until = now
            self._agenda.plan(tailed, now)
        self._describe(tailed, container)
        fields = {**self._rules.fields(container), **source.fields}
        if fields != tailed.fields:
            tailed.fields, tailed.encoder = fields, self._make_encoder(fields)
            tailed.shorten()
            _name(tailed.chain.ledger.counters, container)


def _described(origin: Origin) -> Container:
    """The container that a spooled file tells of."""
    fields = origin.fields
    name, pod = fields.get("container_name", ""), fields.get("pod", "")
    return Container(
        runtime=fields.get("runtime", ""),
        id=fields.get("container_id", ""),
        name=name,
        image=fields.get("image", ""),
        container=name if pod else "",
        pod=pod,
        namespace=fields.get("namespace", ""),
        pod_uid=fields.get("pod_uid", ""),
        labels=origin.labels,
        log_annotations=origin.log_annotations,
    )


def _name(counters: ContainerCounters, container: Container) -> None:
    counters.id = container.id
    counters.name = container.container or container.name
    counters.namespace = container.namespace
    counters.pod = container.pod
