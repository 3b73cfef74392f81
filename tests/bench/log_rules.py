"""What each processing rule costs a log worker, as a ratio to none.

    python -m tests.bench.log_rules [--size MEGABYTES] [RULE …]

The worker is the real process, as in tests.bench.logs: Docker's format to a Forward server that
only counts and acknowledges. "off" is a container without rules, in the compiled loop where there
is one; any rule but a `max_line` that no line is over takes lines the exact way, in Python, and
"off, exact" is a rule that leaves every line as it is. What a rule itself costs is over that.

Text lines have 150 bytes: words and numbers, one in a hundred with an e-mail address, one in fifty
the first line of a Java stack trace of six lines. JSON lines have six members. Machines differ:
compare the rows.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from agent.log_destinations import FluentdDestination
from agent.log_rules import LogRule
from tests.bench.logs import MEGA, stamp, texts
from tests.log_host import LogHost, Receiver, Worker, wait_for

PART = 8 * MEGA
"""Bytes of different lines; a larger file repeats them."""
TRACE = (
    "java.lang.IllegalStateException: no cart",
    *(f"\tat shop.cart.Cart.find{number}(Cart.java:{number})" for number in range(5)),
)


@dataclass(frozen=True)
class Case:
    """A row of the table."""

    name: str
    kind: str
    """text or json."""
    rule: LogRule | None
    """None: the container has none."""


EXACT: Final = LogRule(rate_lines=1e12)
CASES: Final = (
    Case("off", "text", None),
    Case("off, exact", "text", EXACT),
    Case("max_line", "text", LogRule(max_line=100)),
    Case("max_line, 16 KiB", "text", LogRule(max_line=16_384)),
    Case("include", "text", LogRule(include=("[A-Za-z]",))),
    Case("exclude", "text", LogRule(exclude=("^GET /healthz ", "favicon"))),
    Case("sample", "text", LogRule(sample=0.5)),
    Case("rate_lines", "text", LogRule(rate_lines=1e9)),
    Case("level", "text", LogRule(level="on")),
    Case("multiline java", "text", LogRule(multiline=("java",))),
    Case("multiline, all", "text", LogRule(multiline=("java", "python", "go", "ruby", "node"))),
    Case("multiline_start", "text", LogRule(multiline_start=r"^\S")),
    Case("redact email", "text", LogRule(redact=("email",))),
    Case("redact card", "text", LogRule(redact=("card",))),
    Case("redact, all", "text", LogRule(redact=("all",))),
    Case("redact_own", "text", LogRule(redact_own=("order=order [0-9a-f]{4,}",))),
    Case("off", "json", None),
    Case("off, exact", "json", EXACT),
    Case("json nested", "json", LogRule(json="nested")),
    Case("json flat", "json", LogRule(json="flat")),
    Case("level", "json", LogRule(level="on")),
    Case("json nested, level", "json", LogRule(json="nested", level="on")),
)


def text_lines() -> Iterator[str]:
    chance = random.Random(1)
    for text in texts(78):
        number = chance.randrange(100)
        if number < 2:
            yield from TRACE
        yield text[:60] + " user@shop.example" if number == 2 else text


def json_lines() -> Iterator[str]:
    chance = random.Random(2)
    levels = ("info", "info", "info", "debug", "warning", "error")
    for text in texts(40):
        row = {
            "ts": "2026-11-24T03:16:16Z",
            "level": chance.choice(levels),
            "msg": text,
            "status": chance.randrange(200, 600),
            "took": chance.random(),
            "user": {"id": chance.randrange(1 << 20)},
        }
        yield json.dumps(row, separators=(",", ":"))


def file_of(kind: str) -> bytes:
    """About `PART` bytes of whole lines as Docker writes them."""
    out: list[bytes] = []
    size = 0
    for number, text in enumerate(text_lines() if kind == "text" else json_lines()):
        row = {"log": text + "\n", "stream": "stdout", "time": stamp(number)}
        line = json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        size += len(line)
        if size > PART:
            break
        out.append(line)
    return b"".join(out)


def cost(case: Case, data: bytes, repeats: int, root: Path) -> float:
    """CPU seconds of the worker for each byte of log."""
    host = LogHost(root / "host")
    log = host.add_container()
    lines = repeats * data.count(b"\n")
    with Receiver(root / "received", "--discard") as receiver:
        given = orjson.loads(host.worker_input(FluentdDestination(port=receiver.port)))
        if case.rule is not None:
            given["logs"]["processing"] = [asdict(case.rule)]
        with Worker(orjson.dumps(given), root / "errors") as process:
            wait_for(lambda: process.stats is not None, 10, "the worker runs")
            aside = log.with_name("aside")
            with aside.open("wb") as file:
                for _ in range(repeats):
                    file.write(data)
            cpu = process.cpu_seconds
            aside.rename(log)

            def done() -> bool:
                if process.stats is None or not process.stats.containers:
                    return False
                (container,) = process.stats.containers
                return container.lines >= lines and container.lag_bytes == 0

            wait_for(done, 600, "every line is delivered or left out")
            return (process.cpu_seconds - cpu) / (repeats * len(data))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=32, help="MB of the file")
    parser.add_argument("rules", nargs="*", help="only rows whose names begin so")
    options = parser.parse_args()
    repeats = max(1, options.size * MEGA // PART)
    data = {kind: file_of(kind) for kind in ("text", "json")}
    off: dict[str, float] = {}
    exact: dict[str, float] = {}
    print("                          MB of log in     times    times")
    print("lines rule               a CPU second       off    exact")
    for case in CASES:
        wanted = not options.rules or case.name.startswith(tuple(options.rules))
        if not wanted and case.rule not in (None, EXACT):
            continue
        with tempfile.TemporaryDirectory() as directory:
            paid = cost(case, data[case.kind], repeats, Path(directory))
        if case.rule is None:
            off[case.kind] = paid
        if case.rule == EXACT:
            exact[case.kind] = paid
        over = f"{paid / exact[case.kind]:8.2f}" if case.kind in exact else ""
        print(
            f"{case.kind:5} {case.name:18} {1 / paid / MEGA:13.1f}"
            f" {paid / off[case.kind]:9.1f} {over}"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
