"""What the tests of the log pipeline share: sources, a destination one can read, a quiet log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.container.container import Container
from agent.logs.chunk import Chunk, Delivered, Entry, Outcome
from agent.logs.faults import FaultLog
from agent.logs.ledger import Ledger
from agent.logs.stats import ContainerCounters

TIME = "2026-11-24T03:16:16.105173157Z"


@dataclass(frozen=True)
class FakeSource:
    path: str
    container: Container
    format: str = "cri"
    owner: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


def source(path: Path, name: str = "web", *, log_format: str = "cri") -> FakeSource:
    return FakeSource(
        str(path), Container(runtime="docker", id="f" * 64, name=name, image="demo:1"), log_format
    )


def cri(text: str, stream: str = "stdout", tag: str = "F") -> bytes:
    return f"{TIME} {stream} {tag} {text}\n".encode()


class TextEncoder:
    """One line per entry, only the content: what a test wants to see."""

    def encode(self, entries: Sequence[Entry]) -> bytes:
        return b"".join(content + b"\n" for _time, _stream, content, _extra, _partial in entries)


def text_encoder(fields: Mapping[str, str]) -> TextEncoder:
    return TextEncoder()


@dataclass
class FakeDestination:
    """Answers from `answers`, then always Delivered."""

    chunk_bytes: int = 1000
    connected: bool | None = None
    answers: list[Outcome] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    delivered: list[Chunk] = field(default_factory=list)
    closed: bool = False

    def encoder(self, fields: Mapping[str, str]) -> TextEncoder:
        return TextEncoder()

    async def send(self, chunk: Chunk) -> Outcome:
        self.chunks.append(chunk)
        outcome = self.answers.pop(0) if self.answers else Delivered()
        if isinstance(outcome, Delivered):
            self.delivered.append(chunk)
        return outcome

    async def close(self) -> None:
        self.closed = True

    @property
    def lines(self) -> list[str]:
        """Everything that was delivered."""
        return b"".join(chunk.payload for chunk in self.delivered).decode().splitlines()


class Said(list[str]):
    """A fault log's lines."""

    def fault_log(self) -> FaultLog:
        return FaultLog(self.append, lambda: 0.0, lambda: 0.0)


def ledger(said: Said | None = None) -> Ledger:
    return Ledger(ContainerCounters("/x.log"), (said if said is not None else Said()).fault_log())


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until `condition` holds. The caller's deadline ends it."""
    while not condition():  # noqa: ASYNC110 what is waited for is not an event
        await asyncio.sleep(0.001)
