"""Tail, rotation, joining and checkpoint together: random actions against a model.

A seeded program writes numbered lines (whole, torn, in pieces, on both streams), rotates, truncates
and deletes, while the other side looks, reads, gets acknowledgements out of order, saves its
checkpoint and crashes. The model knows where every line's bytes are. At the end:

- every line was delivered, except those whose bytes were destroyed before they were read, or were
  read and unacknowledged in memory when their bytes were destroyed and the process crashed;
- no line was delivered twice, except after a crash, and then only lines that were delivered but not
  covered by the checkpoint on disk at that moment.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.logs import chain as chain_module
from agent.logs import checkpoint
from agent.logs.checkpoint import FileRecord
from agent.logs.chunk_builder import ChunkBuilder, Pending
from agent.logs.intake import Intake
from agent.logs.tail import TailedFile
from tests.agent.logs.rig import Said, source, text_encoder

STEPS = 300
SEEDS = range(50)
BASE = "c-json.log"
DELIVERED = re.compile(r"<(\d+) [^<>]* (\d+)>")
"""Also inside a line that it was joined to because the end of that one was destroyed."""


@dataclass(eq=False)
class Line:
    """One line of the program, in one or more pieces."""

    number: int
    pieces: list[tuple[Generation, int]] = field(default_factory=list)
    """(file, offset after the piece)"""
    lost: bool = False
    """Bytes of it were destroyed before anybody read them."""
    volatile: bool = False
    """Bytes of it were destroyed after they were read: a crash loses it."""


@dataclass(eq=False)
class Generation:
    """A file from its creation, or its last truncation, on."""

    inode: int
    alive: bool = True


class Program:
    """Writes docker-json lines to a log that is rotated, truncated and deleted."""

    def __init__(self, directory: Path, rng: random.Random) -> None:
        self.directory = directory
        self.rng = rng
        self.lines: list[Line] = []
        self.open: dict[str, Line] = {}
        self.torn: tuple[bytes, Line] | None = None
        self.generations: dict[int, Generation] = {}
        self.clock = 0
        self.fd = -1
        self.reopen()

    def reopen(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = os.open(self.directory / BASE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        inode = os.fstat(self.fd).st_ino
        known = self.generations.get(inode)
        if known is None or not known.alive:
            self.generations[inode] = Generation(inode)
        self.current = self.generations[inode]

    def write(self) -> None:
        self.finish_torn()
        for _ in range(self.rng.randrange(1, 30)):
            stream = self.rng.choice(["stdout", "stderr"])
            line = self.open.get(stream)
            partial = self.rng.random() < 0.15
            if line is None:
                line = Line(len(self.lines))
                self.lines.append(line)
                text = f"<{line.number} "
            else:
                text = "..."
            if partial:
                self.open[stream] = line
            else:
                self.open.pop(stream, None)
                text += f"{'x' * self.rng.randrange(60)} {line.number}>\\n"
            self.clock += 1
            raw = (
                f'{{"log":"{text}","stream":"{stream}",'
                f'"time":"2026-11-24T03:16:16.{self.clock:09d}Z"}}\n'
            ).encode()
            if self.rng.random() < 0.05:
                cut = self.rng.randrange(1, len(raw))
                os.write(self.fd, raw[:cut])
                self.torn = (raw[cut:], line)
                # Where it is torn its place is known only once it is whole.
                if self.rng.random() < 0.5:
                    self.finish_torn()
                    continue
                return
            self.put(raw, line)

    def put(self, raw: bytes, line: Line) -> None:
        os.write(self.fd, raw)
        line.pieces.append((self.current, os.lseek(self.fd, 0, os.SEEK_END)))

    def finish_torn(self) -> None:
        if self.torn is not None:
            (rest, line), self.torn = self.torn, None
            self.put(rest, line)

    def finish(self) -> None:
        self.finish_torn()
        for stream, line in sorted(self.open.items()):
            self.clock += 1
            raw = (
                f'{{"log":"... {line.number}>\\n","stream":"{stream}",'
                f'"time":"2026-11-24T03:16:16.{self.clock:09d}Z"}}\n'
            ).encode()
            self.put(raw, line)
        self.open.clear()

    def siblings(self) -> list[Path]:
        """Rotated files, newest first."""
        out: list[Path] = []
        while (path := self.directory / f"{BASE}.{len(out) + 1}").exists():
            out.append(path)
        return out

    def rotate(self) -> None:
        self.finish_torn()
        for number in range(len(self.siblings()), 0, -1):
            (self.directory / f"{BASE}.{number}").rename(self.directory / f"{BASE}.{number + 1}")
        (self.directory / BASE).rename(self.directory / f"{BASE}.1")
        self.reopen()


class Agent:
    """The pipeline without its event loop: what is in memory goes when it crashes."""

    def __init__(self, path: Path, records: tuple[FileRecord, ...], now: float, size: int) -> None:
        self.said = Said()
        self.intake = Intake(records, text_encoder, self.said.fault_log(), from_start=True)
        self.builder = ChunkBuilder(size)
        self.in_flight: deque[Pending] = deque()
        self.path = path
        self.intake.update([source(path, log_format="docker")], now)

    def close(self) -> None:
        for tailed in self.intake.tailed.values():
            for file in tailed.chain.rotation.files:
                file.close()


class Run:
    def __init__(self, directory: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.program = Program(directory, self.rng)
        self.path = directory / BASE
        self.saved: tuple[FileRecord, ...] = ()
        self.now = 0.0
        self.delivered: Counter[int] = Counter()
        self.twice_allowed = 0
        self.crashes = 0
        self.unlinked: list[Generation] = []
        self.truncations_with_loss = 0
        self.losses_counted = 0
        self.start()

    def start(self) -> None:
        size = self.rng.choice([200, 1000, 5000])
        self.agent = Agent(self.path, self.saved, self.now, size)

    # What the pipeline does.

    def look(self) -> None:
        self.agent.intake.update([source(self.path, log_format="docker")], self.now)
        self.agent.intake.look(self.now, str(self.program.directory))

    def read(self) -> bool:
        (tailed,) = self.agent.intake.tailed.values()
        unread = tailed.chain.next_unread(self.now)
        if unread is None:
            return False
        file, size = unread
        block = file.read(self.rng.choice([50, 500, 5000])) if size > 0 else None
        if block is None or not block.intact:
            batches = tailed.chain.begin_anew(file, self.now, 1)
        else:
            batches = tailed.chain.take(file, block.data, 1)
        for batch in batches:
            self.submit(
                self.agent.builder.add(tailed.chain.ledger, tailed.encoder, batch, self.now)
            )
        return True

    def retire(self) -> None:
        self.now += self.rng.choice([0.5, 3.0, 6.0])
        for tailed, batch in self.agent.intake.retire(self.now, 1):
            self.submit(
                self.agent.builder.add(tailed.chain.ledger, tailed.encoder, batch, self.now)
            )

    def submit(self, filled: list[Pending]) -> None:
        self.agent.in_flight += filled

    def flush(self) -> None:
        pending = self.agent.builder.seal()
        if pending is not None:
            self.agent.in_flight.append(pending)

    def receive(self) -> None:
        """The destination takes a chunk, in any order, and its acknowledgement arrives."""
        waiting = [pending for pending in self.agent.in_flight if not pending.settled]
        if not waiting:
            return
        pending = self.rng.choice(waiting[:4])
        self.deliver(pending)
        pending.settled = True
        while self.agent.in_flight and self.agent.in_flight[0].settled:
            self.agent.in_flight.popleft().apply()

    def deliver(self, pending: Pending) -> None:
        for begin, end in DELIVERED.findall(pending.chunk.payload.decode()):
            if begin == end:
                self.delivered[int(begin)] += 1

    def save(self) -> None:
        self.saved = checkpoint.decode(checkpoint.encode(self.agent.intake.records()))

    # What happens to it.

    def crash(self) -> None:
        if self.rng.random() < 0.3:  # some chunk was received, its ack never came
            waiting = [pending for pending in self.agent.in_flight if not pending.settled]
            if waiting:
                self.deliver(waiting[0])
        self.crashes += 1
        offsets = {record.inode: record.offset for record in self.saved}
        for line in self.program.lines:
            if not self.delivered[line.number]:
                if line.volatile or any(place in self.unlinked for place, _end in line.pieces):
                    line.lost = True
            elif any(end > offsets.get(place.inode, 0) for place, end in line.pieces):
                self.twice_allowed += self.delivered[line.number]
        self.losses_counted += self.counted()
        self.agent.close()
        self.start()

    def counted(self) -> int:
        counters = self.agent.intake.counters()
        return sum(lost.times for container in counters for lost in container.lost.values())

    def truncate(self) -> None:
        if self.program.torn is not None:
            self.program.torn[1].lost = True
            self.program.torn = None
        self.destroy(self.program.current, truncated=True)
        os.ftruncate(self.program.fd, 0)
        inode = self.program.current.inode
        self.program.current = self.program.generations[inode] = Generation(inode)

    def delete(self) -> None:
        siblings = self.program.siblings()
        if not siblings:
            return
        inode = siblings[-1].stat().st_ino
        place = self.program.generations[inode]
        if any(file.mark.inode == inode for file in self.open_files()):
            self.unlinked.append(place)
        else:
            self.destroy(place)
        place.alive = False
        siblings[-1].unlink()

    def destroy(self, place: Generation, *, truncated: bool = False) -> None:
        place.alive = False
        read = max(
            (
                file.framer.start
                for file in self.open_files()
                if file.mark.inode == place.inode
                # Else it has not noticed an earlier truncation, and read nothing of this one.
                and os.pread(file.fd, len(file.head), 0) == file.head
            ),
            default=0,
        )
        for line in self.program.lines:
            for where, end in line.pieces:
                if where is place and not self.delivered[line.number]:
                    line.volatile = True
                    if end > read:
                        line.lost = True
                        # Of a file of which nothing was read yet nobody knows what it held.
                        self.truncations_with_loss += truncated and read > 0
        if truncated:  # nobody can know what was to follow: an open line goes out as it is
            for line in self.program.open.values():
                line.lost = True

    def open_files(self) -> list[TailedFile]:
        return [
            file
            for tailed in self.agent.intake.tailed.values()
            for file in tailed.chain.rotation.files
        ]

    def finish(self) -> None:
        self.program.finish()
        for _ in range(3):
            self.look()
            while self.read():
                pass
            self.now += 10
            self.retire()
        self.flush()
        while self.agent.in_flight:
            self.receive()
        self.losses_counted += self.counted()


ACTIONS = [
    (Program.write, 30), (Program.rotate, 6), (Run.truncate, 1), (Run.delete, 3), (Run.look, 12),
    (Run.read, 40), (Run.retire, 4), (Run.flush, 4), (Run.receive, 25), (Run.save, 8),
    (Run.crash, 2),
]  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.usefixtures("short_pieces")
@pytest.mark.parametrize("calm", [True, False], ids=["calm", "stormy"])
def test_no_line_is_lost_that_was_not_destroyed_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, calm: bool
) -> None:
    monkeypatch.setattr(chain_module, "IDLE", float("inf"))
    run = Run(tmp_path, seed)
    # In calm runs nothing is destroyed and nothing crashes: then no line may be missing or double.
    actions = [
        (action, weight)
        for action, weight in ACTIONS
        if not (calm and action in (Run.truncate, Run.delete, Run.crash))
    ]
    weights = [weight for _action, weight in actions]
    try:
        for _ in range(STEPS):
            ((action, _weight),) = run.rng.choices(actions, weights)
            action(run.program if action in (Program.write, Program.rotate) else run)  # type: ignore[operator]
        run.finish()
        missing = [
            line.number
            for line in run.program.lines
            if not run.delivered[line.number] and not line.lost
        ]
        assert missing == []
        twice = sum(count - 1 for count in run.delivered.values() if count > 1)
        assert twice <= run.twice_allowed
        if calm:
            assert set(run.delivered.values()) == {1}
            assert run.losses_counted == 0
        lost = [line for line in run.program.lines if not run.delivered[line.number]]
        if lost and run.truncations_with_loss and not run.crashes:
            assert run.losses_counted
    finally:
        run.agent.close()
        os.close(run.program.fd)
