"""One torture run: a seeded mix of what programs, rotators, receivers and machines do to a shipper.

In process and without sleeping: the agent's parts (intake, chunks, marks, checkpoint, spool) are
driven as its event loop would, by the dice. What is in memory goes with a kill; files stay.

What must hold at the end, for every seed:

- every line was delivered, except those of which the model says why not: bytes destroyed before
  anybody read them (`unread`), read, destroyed, and then lost with the process (`memory`), in a
  deleted file at a kill (`killed`) or at a stop that found no room for it (`unlinked`);
- for all those that the agent can know of, it counted a loss, with a cause that fits: the sum over
  all its processes, as their parent has it;
- a line came twice only after a lost acknowledgement, or after a restart whose checkpoint, the last
  one that was written, did not cover all of the line.

In a calm run (no destruction, no restart) every line comes exactly once, in order per stream, and
no loss is counted.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import re
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path

from agent.config import HostPaths
from agent.container.log_sources import LogSources
from agent.logs import checkpoint
from agent.logs.batch import Batch
from agent.logs.checkpoint import FileRecord
from agent.logs.chunk_builder import ChunkBuilder, Pending
from agent.logs.fingerprint import Head, still_has
from agent.logs.intake import Intake
from agent.logs.spool import Spool
from agent.logs.tail import TailedFile
from agent.logs.tailed import Tailed
from exporters.fluentd.forward import ForwardEncoder
from tests.agent.logs.rig import Said, text_encoder
from tests.torture.disk import StateDisk
from tests.torture.program import Generation, Line, Program

DELIVERED = re.compile(r"<(\d+) [^<>]* (\d+)>")


def short_way(fields: Mapping[str, str]) -> ForwardEncoder:
    """For two thirds of the seeds: whole lines are encoded without entries in between."""
    return ForwardEncoder(fields, 2000)


class Agent:
    """One process' memory."""

    def __init__(self, run: Run, size: int) -> None:
        self.said = Said()
        spooled, bad = run.spool.load()
        assert bad == []
        loaded = checkpoint.load(run.checkpoint_path)
        assert not loaded.set_aside
        run.saved = loaded.files
        self.intake = Intake(
            run.spool.without_delivered(run.saved, spooled), run.encoder, self.said.fault_log(),
            from_start=True, spooled=spooled,
        )  # fmt: skip
        self.sources = LogSources(run.paths)
        self.builder = ChunkBuilder(size)
        self.in_flight: deque[Pending] = deque()

    @property
    def files(self) -> list[TailedFile]:
        return [f for tailed in self.intake.tailed.values() for f in tailed.chain.rotation.files]

    def kill(self) -> None:
        """Descriptors are closed by the kernel; nothing is counted or kept."""
        for file in self.files:
            file.close()
        for tailed in self.intake.tailed.values():
            tailed.chain.rotation.files.clear()


class Run:
    """One seed."""

    def __init__(self, directory: Path, disk: StateDisk, seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = random.Random(~seed)
        """What the wall clock says: it jumps as it likes."""
        logs = directory / "logs"
        logs.mkdir()
        self.naming = self.rng.choice(["docker", "kubelet"])
        self.encoder = text_encoder if seed % 3 == 0 else short_way
        self.program = Program(logs, self.rng, "docker" if self.naming == "docker" else "kubelet")
        (logs / "proc").mkdir()
        self.paths = HostPaths(
            proc=str(logs / "proc"), docker=(str(logs / "docker"),), containerd=(), podman=(),
            run=str(logs / "run"), pod_logs=str(logs / "pods"),
        )  # fmt: skip
        self.halfway = random.Random(seed) if seed % 5 == 1 else None
        """For a fifth of the seeds: which rotations are interrupted between renaming the file and
        making it anew. The log has no file by its own name then, and discovery is to find it."""
        self.disk = disk
        self.spool = Spool(str(disk.directory / "spool"))
        self.checkpoint_path = str(disk.directory / "checkpoint.json")
        self.saved: tuple[FileRecord, ...] = ()
        """What the checkpoint holds."""
        self.loop = asyncio.new_event_loop()
        self.did: Counter[str] = Counter()
        """What happened, so that a test can say that all of it does."""
        self.now = 0.0
        self.delivered: Counter[int] = Counter()
        self.order: list[int] = []
        """Numbers as they were put into chunks."""
        self.twice_allowed: Counter[int] = Counter()
        self.restarts = 0
        self.losses: Counter[str] = Counter()
        """Counted by the agents, by cause."""
        self.due: dict[Generation, set[str]] = {}
        """Lost, and the agent can know it: the causes that fit."""
        self.taken: set[Pending] = set()
        """Chunks that the destination took without an acknowledgement."""
        self.copying: Path | None = None
        self.renamed = False
        """Only the first half of a rotation was done."""
        self.agent: Agent | None = None
        self.start()

    # --- the agent

    def start(self) -> None:
        if self.agent is None:
            self.agent = Agent(self, self.rng.choice([200, 1000, 5000]))
            self.look()

    def look(self) -> None:
        if self.agent is None:
            return
        self.agent.intake.update(self.agent.sources.scan(), self.now)
        self.agent.intake.look(self.now, str(self.program.directory))
        if self.rng.random() < 0.2:
            self.agent.intake.enforce_budget()

    def read(self) -> bool:
        if self.agent is None:
            return False
        tailed = next(iter(self.agent.intake.tailed.values()), None)
        unread = tailed.chain.next_unread(self.now) if tailed is not None else None
        if tailed is None or unread is None:
            return False
        file, size = unread
        block = file.read(self.rng.choice([50, 500, 5000])) if size > 0 else None
        wall = self.rng.randrange(1 << 60)
        self.did["gzip"] += file.inflated is not None and block is not None and bool(block.data)
        if block is None or not block.intact:
            self.take(tailed, tailed.chain.begin_anew(file, self.now, wall))
        else:
            self.take(tailed, tailed.chain.take(file, block.data, wall))
        return True

    def retire(self) -> None:
        self.now += self.rng.choice([0.5, 3.0, 6.0])
        if self.agent is not None:
            for tailed, batch in self.agent.intake.retire(self.now, 1):
                self.take(tailed, [batch])

    def suspend(self) -> None:
        """The machine sleeps for an hour, and its clock is set anew: files get times from then."""
        self.now += 3600
        stamp = self.clock.randrange(1 << 60)
        for path in (self.program.current.path, self.program.directory):
            assert path is not None
            os.utime(path, ns=(stamp, stamp))
        self.did["clock"] += 1
        self.count_lag()
        self.retire()

    def count_lag(self) -> None:
        if self.agent is not None:
            for counters in self.agent.intake.counters(self.now, self.clock.randrange(1 << 61)):
                assert counters.lag_bytes is None or counters.lag_bytes >= 0
                assert counters.lag_seconds is None or counters.lag_seconds >= 0

    def take(self, tailed: Tailed, batches: object) -> None:
        assert self.agent is not None
        for batch in batches:  # type: ignore[attr-defined]
            assert isinstance(batch, Batch)
            self.submit(
                self.agent.builder.add(tailed.chain.ledger, tailed.encoder, batch, self.now)
            )

    def submit(self, filled: list[Pending]) -> None:
        assert self.agent is not None
        self.agent.in_flight += filled
        for pending in filled:
            self.order += numbers(pending)

    def flush(self) -> None:
        if self.agent is not None:
            pending = self.agent.builder.seal()
            if pending is not None:
                self.submit([pending])

    def receive(self) -> None:
        """The destination takes a chunk of the window, and its acknowledgement arrives."""
        if self.agent is None:
            return
        in_flight = self.agent.in_flight
        waiting = [pending for pending in in_flight if not pending.settled]
        if not waiting:
            return
        pending = self.rng.choice(waiting[:4])
        self.deliver(pending)
        pending.settled = True
        while in_flight and in_flight[0].settled:
            in_flight.popleft().apply()

    def receiver_dies(self) -> None:
        """It took a chunk, or some, and no acknowledgement came: they are sent again."""
        if self.agent is not None:
            for pending in [p for p in self.agent.in_flight if not p.settled][:2]:
                self.deliver(pending)
                self.taken.add(pending)
                self.did["receiver died"] += 1

    def deliver(self, pending: Pending) -> None:
        self.delivered.update(numbers(pending))
        if pending in self.taken:
            self.twice_allowed.update(numbers(pending))

    def save(self) -> None:
        if self.agent is None:
            return
        if self.disk.full:
            self.disk.fill()
        records = self.agent.intake.records()
        try:
            self.loop.run_until_complete(checkpoint.save(self.checkpoint_path, records))
        except OSError as error:
            if error.errno != errno.ENOSPC or not self.disk.full:
                raise
            self.did["checkpoint not saved"] += 1
        self.saved = checkpoint.load(self.checkpoint_path).files

    def toggle_disk(self) -> None:
        """The state directory is full, or has room again: the old checkpoint stays."""
        if self.disk.full:
            self.disk.free()
        else:
            self.disk.fill()

    # --- restarts

    def kill(self) -> None:
        if self.agent is None:
            return
        if self.rng.random() < 0.3:
            self.receiver_dies()
        held = self.held()
        for line in self.undelivered():
            gone = [g for g, _ in line.pieces if g.path is None and not g.spooled]
            if line.volatile:
                line.lost = line.lost or "memory"
            elif held.intersection(gone):
                line.lost = line.lost or "killed"
        for generation in list(self.due):
            if not self.noticed(generation):
                del self.due[generation]
        self.stopped()
        self.agent.kill()
        self.agent = None
        self.did["killed"] += 1

    def noticed(self, generation: Generation) -> bool:
        """Whether the agent counted already that it was truncated."""
        return not any(file.head and generation.head.startswith(file.head) for file in self.files)

    def stop(self) -> None:
        """SIGTERM: some more is delivered, what is deleted is spooled, the checkpoint is saved."""
        if self.agent is None:
            return
        self.flush()
        for _ in range(self.rng.randrange(6)):
            self.receive()
        held = self.held()
        if self.disk.full:
            self.disk.fill()
        self.agent.intake.spool(self.spool, self.now)
        self.save()
        kept = [item.origin.head for item in self.spool.load()[0]]
        for generation in held:
            if generation.path is None and any(still_has(head, generation.head) for head in kept):
                generation.spooled = True
                self.did["spooled"] += 1
        for line in self.undelivered():
            gone = [g for g, _ in line.pieces if g.path is None and not g.spooled]
            if line.volatile:
                line.lost = line.lost or "memory"
            elif not line.lost and held.intersection(gone):
                line.lost = "unlinked"
                self.did["not spooled"] += 1
                for generation in held.intersection(gone):
                    self.due[generation] = {"unlinked"}
        self.agent.intake.close()
        self.stopped()
        self.agent = None

    def stopped(self) -> None:
        """What is delivered and not covered by the checkpoint comes again."""
        assert self.agent is not None
        self.restarts += 1
        self.count()
        covered, known = self.covered()
        for line in self.program.lines:
            if not self.delivered[line.number]:
                for generation, end in line.pieces:
                    # Not there any more, and the checkpoint says that it was not delivered.
                    gone = generation.path is None and not generation.spooled
                    unread = generation in known and end > covered.get(generation, 0)
                    if line.lost and gone and unread and generation not in self.due:
                        self.due[generation] = {"missing", "truncated"}
            elif any(end > covered.get(generation, 0) for generation, end in line.pieces):
                self.twice_allowed[line.number] += 1

    def covered(self) -> tuple[dict[Generation, int], set[Generation]]:
        """How far the checkpoint says that generations are delivered, and which are not done."""
        spooled = {item.file: item for item in self.spool.load()[0]}
        covered: dict[Generation, int] = {}
        known: set[Generation] = set()
        for record in self.saved:
            generation = self.generation(record.head)
            if generation is not None and record.path not in spooled:
                covered[generation] = max(covered.get(generation, 0), record.offset)
                if not record.done:
                    known.add(generation)
        offsets = {record.path: record.offset for record in self.saved}
        for item in spooled.values():
            generation = self.generation(item.origin.head)
            if generation is not None:
                read = max(0, offsets.get(item.file, 0) - item.start)
                covered[generation] = item.origin.offset + read
        return covered, known

    def generation(self, head: Head) -> Generation | None:
        """The only one that begins so."""
        if not head.length:
            return None
        found = [g for g in self.program.generations if still_has(head, g.head)]
        return found[0] if len(found) == 1 else None

    def count(self) -> None:
        assert self.agent is not None
        for counters in self.agent.intake.counters(self.now, self.clock.randrange(1 << 61)):
            for cause, lost in counters.lost.items():
                self.losses[cause] += lost.times

    # --- destruction

    @property
    def halved(self) -> bool:
        """Whether something is half done that comes before anything else is."""
        return self.copying is not None or self.renamed

    def truncate(self) -> None:
        if self.halved:
            return
        program = self.program
        if program.torn is not None:
            program.torn[1].lost = "unread"
            program.torn = None
        self.destroy(program.current, truncated=True)
        for line in program.open.values():  # nobody can know what was to follow
            line.lost = line.lost or "unread"
        program.current.truncated = True
        program.current.path = None
        program.cut()

    def delete_oldest(self) -> None:
        rotated = self.program.on_disk()
        if rotated and not self.halved:
            self.unlink(rotated[0])

    def unlink_and_recreate(self) -> None:
        if not self.halved:
            self.program.finish_torn()
            self.unlink(self.program.current)
            self.program.reopen()

    def unlink(self, generation: Generation) -> None:
        assert generation.path is not None
        if generation not in self.held():
            self.destroy(generation)
        generation.path.unlink()
        generation.path = None
        self.did["destroyed"] += 1

    def destroy(self, generation: Generation, *, truncated: bool = False) -> None:
        """Its bytes go now. What of them was taken from the file is in memory, the rest is lost."""
        self.did["destroyed"] += 1
        if generation.spooled:
            return
        holding = self.holding(generation)
        read = max((file.framer.start for file in holding), default=0)
        known = truncated and any(file.head for file in holding)
        # Nobody runs, and the checkpoint says that it was not read to its end.
        missing = self.agent is None and generation in self.covered()[1]
        for line in self.undelivered():
            for where, end in line.pieces:
                if where is generation:
                    line.volatile = True
                    if end > read:
                        line.lost = line.lost or "unread"
                        if known or missing:
                            self.due[generation] = {"truncated"} if known else {"missing"}
                            self.due[generation] |= {"truncated", "missing"} if truncated else set()

    @property
    def files(self) -> list[TailedFile]:
        return [] if self.agent is None else self.agent.files

    def held(self) -> set[Generation]:
        """What the agent has open and can still read."""
        return {g for g in self.program.generations if self.holding(g)}

    def holding(self, generation: Generation) -> list[TailedFile]:
        return [
            file
            for file in self.files
            if not file.mark.spooled
            and os.fstat(file.fd).st_ino in generation.inodes
            # Else it has not noticed an earlier truncation, and read nothing of this one.
            and (file.inflated is not None or os.pread(file.fd, len(file.head), 0) == file.head)
        ]

    def undelivered(self) -> list[Line]:
        return [line for line in self.program.lines if not self.delivered[line.number]]

    # --- rotation, in steps that the agent may see halves of

    def write(self) -> None:
        if not self.halved:
            self.program.write()

    def rotate(self) -> None:
        if self.copying is not None:
            return
        if not self.renamed:
            halfway = self.halfway is not None and self.halfway.random() < 0.5
            if halfway:
                self.program.finish()  # its writer died, and says no more
            self.program.rename()
            if halfway:
                self.renamed = True
                self.did["rotated by half"] += 1
                return
        self.program.reopen()
        self.renamed = False

    def compress(self) -> None:
        if self.copying is None:
            self.program.compress()

    def copytruncate(self) -> None:
        if self.renamed:
            return
        if self.copying is None:
            self.copying = self.program.copy()
        else:
            self.program.truncate_after(self.copying)
            self.copying = None

    def finish(self) -> None:
        if self.copying is not None:
            self.copytruncate()
        self.start()
        self.program.finish()
        self.disk.free()
        for _ in range(4):
            self.look()
            while self.read():
                pass
            self.now += 10
            self.retire()
        self.flush()
        assert self.agent is not None
        while self.agent.in_flight:
            self.receive()
        self.now += 3600
        self.retire()
        self.count()

    def close(self) -> None:
        if self.agent is not None:
            self.agent.kill()
        self.program.close()
        self.loop.close()
        self.disk.clear()


def numbers(pending: Pending) -> list[int]:
    """The lines in a chunk that are whole."""
    found = DELIVERED.findall(pending.chunk.payload.decode("latin-1"))
    return [int(begin) for begin, end in found if begin == end]
