"""The other side of the torture run: a program whose log files are treated in every way there is.

It knows the truth: of each line, in which generation of bytes it lies and where it ends there. A
generation is a file's content from its creation or truncation on; renaming, copying and compressing
move it, and it is gone when its last place is.

A file is kept open here as long as the run lasts, so that no inode is used twice: which bytes an
open file of the agent holds can then be told by its inode.
"""

from __future__ import annotations

import gzip
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agent.logs.fingerprint import HEAD_SIZE

Naming = Literal["docker", "kubelet"]
ID = "c0" * 32
BASES: dict[Naming, str] = {
    "docker": f"docker/containers/{ID}/{ID}-json.log",
    "kubelet": "pods/ns_pod_0b3c8d1e-0000-4000-8000-000000000001/app/0.log",
}
"""Where discovery finds them."""


@dataclass(eq=False)
class Generation:
    """Bytes that belong together."""

    inodes: set[int]
    """Of every file that ever held them."""
    path: Path | None
    """Where they are now; None when they are deleted."""
    size: int = 0
    head: bytes = b""
    """The first of them, at most HEAD_SIZE."""
    truncated: bool = False
    """Their file was cut: who has it open cannot read them any more."""
    spooled: bool = False
    """The agent kept what it needs of them over a stop."""


@dataclass(eq=False)
class Line:
    """One line of the program, in one or more pieces."""

    number: int
    stream: str
    pieces: list[tuple[Generation, int]] = field(default_factory=list)
    """Where each lies, and its end there."""
    lost: str = ""
    """Why it may be missing; "" if it may not."""
    destroyed: Generation | None = None
    """What of it was destroyed, where the agent can know that: then it must be counted."""
    volatile: bool = False
    """Bytes of it are in the agent's memory alone: a restart loses it."""


class Program:
    """Writes lines, whole, torn and in pieces, on two streams."""

    def __init__(self, directory: Path, rng: random.Random, naming: Naming) -> None:
        self.rng, self.naming = rng, naming
        self.base = directory / BASES[naming]
        self.directory = self.base.parent
        self.directory.mkdir(parents=True)
        if naming == "docker":
            (self.directory / "config.v2.json").write_text(f'{{"ID":"{ID}","Name":"/web"}}')
            (self.directory / "hostconfig.json").write_text('{"LogConfig":{"Type":"json-file"}}')
        self.lines: list[Line] = []
        self.open: dict[str, Line] = {}
        self.torn: tuple[bytes, Line] | None = None
        self.generations: list[Generation] = []
        self.clock = 0
        self.fds: list[int] = []
        self.fd = -1
        self.reopen()

    # --- writing

    def write(self) -> None:
        self.finish_torn()
        for _ in range(self.rng.randrange(1, 25)):
            stream = self.rng.choice(["stdout", "stderr"])
            line = self.open.get(stream)
            partial = self.rng.random() < 0.1
            if line is None:
                line = Line(len(self.lines), stream)
                self.lines.append(line)
                text = f"<{line.number} "
            else:
                text = "..."
            if partial:
                self.open[stream] = line
            else:
                self.open.pop(stream, None)
                text += f"{'x' * self.rng.randrange(60)} {line.number}>"
            raw = self.raw(text, stream, partial=partial)
            if self.rng.random() < 0.05:
                cut = self.rng.randrange(1, len(raw))
                self.put(raw[:cut], line)
                self.torn = (raw[cut:], line)
                if self.rng.random() < 0.5:
                    self.finish_torn()
                    continue
                return
            self.put(raw, line)

    def raw(self, text: str, stream: str, *, partial: bool) -> bytes:
        self.clock += 1
        time = f"2026-11-24T03:16:16.{self.clock:09d}Z"
        if self.naming == "kubelet":
            return f"{time} {stream} {'P' if partial else 'F'} {text}\n".encode()
        end = "" if partial else "\\n"
        return f'{{"log":"{text}{end}","stream":"{stream}","time":"{time}"}}\n'.encode()

    def put(self, raw: bytes, line: Line) -> None:
        os.write(self.fd, raw)
        self.current.size += len(raw)
        self.current.head = (self.current.head + raw)[:HEAD_SIZE]
        line.pieces.append((self.current, self.current.size))

    def finish_torn(self) -> None:
        if self.torn is not None:
            (rest, line), self.torn = self.torn, None
            self.put(rest, line)

    def finish(self) -> None:
        """Write the last piece of every open line."""
        self.finish_torn()
        for stream, line in sorted(self.open.items()):
            self.put(self.raw(f"... {line.number}>", stream, partial=False), line)
        self.open.clear()

    # --- files

    def reopen(self) -> None:
        self.fd = os.open(self.base, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.fds.append(self.fd)
        self.current = Generation({os.fstat(self.fd).st_ino}, self.base)
        self.generations.append(self.current)

    def on_disk(self) -> list[Generation]:
        """Rotated ones, oldest first."""
        return [g for g in self.generations if g.path not in (None, self.base)]

    def rotated_name(self) -> Path:
        """Where the newest rotated file goes; older ones make room."""
        if self.naming == "kubelet":
            self.clock += 1
            return Path(f"{self.base}.20261124-{self.clock % 1_000_000:06d}")
        rotated = self.on_disk()
        for number, generation in zip(range(len(rotated), 0, -1), rotated, strict=True):
            assert generation.path is not None
            compressed = ".gz" if generation.path.suffix == ".gz" else ""
            to = Path(f"{self.base}.{number + 1}{compressed}")
            generation.path = generation.path.rename(to)
        return Path(f"{self.base}.1")

    def rename(self) -> None:
        """The first half of a rotation; nobody writes until `reopen`."""
        self.finish_torn()
        name = self.rotated_name()
        self.current.path = self.base.rename(name)

    def compress(self) -> None:
        plain = [g for g in self.on_disk() if g.path is not None and g.path.suffix != ".gz"]
        if not plain:
            return
        generation = plain[0]
        assert generation.path is not None
        to = generation.path.with_name(generation.path.name + ".gz")
        making = to if self.naming == "docker" else to.with_name(to.name[:-3] + ".tmp")
        making.write_bytes(gzip.compress(generation.path.read_bytes(), 1))
        making.rename(to)
        self.keep(to, generation)
        generation.path.unlink()
        generation.path = to

    def keep(self, path: Path, generation: Generation) -> None:
        fd = os.open(path, os.O_RDONLY)
        self.fds.append(fd)
        generation.inodes.add(os.fstat(fd).st_ino)

    def copy(self) -> Path:
        """The first half of `copytruncate`; nobody writes until the other half."""
        self.finish_torn()
        name = self.rotated_name()
        name.write_bytes(self.base.read_bytes())
        return name

    def truncate_after(self, copy: Path) -> None:
        old = self.current
        old.inodes = set()  # who has the file open does not have them any more
        old.truncated = True
        self.keep(copy, old)
        old.path = copy
        self.cut()

    def cut(self) -> None:
        os.ftruncate(self.fd, 0)
        self.current = Generation({os.fstat(self.fd).st_ino}, self.base)
        self.generations.append(self.current)

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)
