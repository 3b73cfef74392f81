"""Coverage-guided fuzzing of every parser of the log path, with atheris.

    make fuzz                      a minute each, in a venv of its own
    python -m tests.fuzz.parsers NAME [libFuzzer options]
    python -m tests.fuzz.parsers --list

What must hold for any bytes: no exception, one entry for each line, valid UTF-8 in each, and a good
line after the junk comes out whole.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

from agent.logs.checkpoint import UnreadableCheckpoint, decode
from agent.logs.docker_local import DockerLocalParser, LocalFramer
from agent.logs.entry import clean
from agent.logs.framing import Framer, lines_of
from agent.logs.inflate import Inflated
from agent.logs.parsers import PARSERS
from agent.logs.partial import Joiner
from agent.logs.tail import AnyFramer
from tests.fuzz.journal import journal
from tests.fuzz.rules import json_body, multiline, redaction
from tests.fuzz.seeds import seeds
from tests.fuzz.servers import forward_ack, forward_handshake, loki_refusal

GOOD: dict[str, tuple[bytes, bytes]] = {
    "cri": (b"2026-11-24T03:16:16.105173157Z stdout F good", b"good"),
    "docker": (
        b'{"log":"good\\n","stream":"stdout","time":"2026-11-24T03:16:16.105173157Z"}',
        b"good",
    ),
    "plain": (b"good", b"good"),
}
"""A line of each format, and its content."""


def lines(kind: str, data: bytes) -> None:
    """`data` as a file of this format, cut in two, then a newline and a good line."""
    good, content = GOOD[kind]
    entries = _read(kind, Framer(), data + b"\n" + good + b"\n", len(data) // 2)
    if entries[-1][2] != content:
        raise AssertionError("the neighbour line is lost")


def docker_local(data: bytes) -> None:
    """`data` as frames of the local driver."""
    _read("docker-local", LocalFramer(), data, len(data) // 2)


def docker_local_message(data: bytes) -> None:
    """`data` as one message of the local driver, without its frame."""
    (entry,), _partial = DockerLocalParser().parse([data], 7)
    Joiner().valid(entry)[2].decode()


def checkpoint(data: bytes) -> None:
    """`data` as a checkpoint: read, or refused in words."""
    try:
        decode(data)
    except UnreadableCheckpoint:
        pass


def gzip(data: bytes) -> None:
    """`data` as a compressed log, as it is and with a good begin."""
    for content in (data, zlib.compress(b"line\n" * 50, wbits=31)[:-8] + data):
        fd = os.memfd_create("log", os.MFD_CLOEXEC)
        try:
            os.write(fd, content)
            inflated = Inflated(fd)
            while not inflated.ended and inflated.position < 1 << 24:
                inflated.read(65536, inflated.position)
        finally:
            os.close(fd)


def _read(kind: str, framer: AnyFramer, data: bytes, cut: int) -> list[tuple[object, ...]]:
    parser, joiner = PARSERS[kind](), Joiner()
    out: list[tuple[object, ...]] = []
    found = []
    for block in (data[:cut], data[cut:]):
        whole, text = framer.take(block)
        found += whole
        if text is not None:
            found += lines_of(text, framer.max_line)
    rest = framer.finish()
    for part in [*found, *([rest] if rest is not None else [])]:
        raw = part.utf8 or parser.any_bytes
        texts = part.data if raw else [clean(line) for line in part.data]
        entries, _partial = parser.parse(texts, 7)
        if len(entries) != len(texts):
            raise AssertionError("a line without an entry")
        if parser.any_bytes and not part.utf8:
            entries = [joiner.valid(entry) for entry in entries]
        for entry in entries:
            entry[2].decode()
        out += entries
    return out


TARGETS: dict[str, Callable[[bytes], None]] = {
    "cri": lambda data: lines("cri", data),
    "docker": lambda data: lines("docker", data),
    "plain": lambda data: lines("plain", data),
    "docker-local": docker_local,
    "docker-local-message": docker_local_message,
    "checkpoint": checkpoint,
    "gzip": gzip,
    "json-body": json_body,
    "multiline": multiline,
    "redaction": redaction,
    "journal": journal,
    "forward-ack": forward_ack,
    "forward-handshake": forward_handshake,
    "loki-refusal": loki_refusal,
}


def main() -> int:
    """Run the target named by the first argument until it fails or libFuzzer's limit is reached."""
    if sys.argv[1:] == ["--list"]:
        sys.stdout.write(" ".join(TARGETS) + "\n")
        return 0
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.stderr.write(f"usage: python -m tests.fuzz.parsers {'|'.join(TARGETS)} [options]\n")
        return 2
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        sys.stderr.write("atheris is not installed here: make fuzz installs it\n")
        return 2
    name = sys.argv.pop(1)
    # Not removed by us: libFuzzer ends the process.
    corpus = Path(tempfile.gettempdir()) / f"agent-fuzz-{os.getuid()}" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.instrument_all()
    atheris.Setup([*sys.argv, str(corpus)], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
