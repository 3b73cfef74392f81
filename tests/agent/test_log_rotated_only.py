"""A container whose log file is gone, and what it was rotated to is there: read on in that."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from agent.cli import main
from agent.cli.exits import OK
from agent.file_destination import FileDestination
from tests.log_host import LogHost, Worker, shipped, wait_for

TIME = "2026-11-24T03:16:16.{:09d}Z"


def rows(begin: int, end: int) -> bytes:
    made = (
        {"log": f"n{number}\n", "stream": "stdout", "time": TIME.format(number)}
        for number in range(begin, end)
    )
    return b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in made)


def delivered(out: Path) -> list[str]:
    return [record["log"] for record in shipped(out)]


def test_it_goes_on_inside_what_the_file_was_rotated_to(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    host, out = LogHost(tmp_path), tmp_path / "out.jsonl"
    log = host.add_container()
    log.write_bytes(rows(0, 50))
    given = host.worker_input(FileDestination(path=str(out)))
    with Worker(given, tmp_path / "errors") as worker:
        wait_for(lambda: len(delivered(out)) == 50, 20, "the first lines")
        assert worker.stop() == 0
    # Docker renames it and compresses that; it dies before it makes the file anew.
    data = log.read_bytes() + rows(50, 120)
    log.unlink()
    with gzip.open(f"{log}.1.gz", "wb") as file:
        file.write(data)
    with Worker(given, tmp_path / "errors") as worker:
        wait_for(lambda: len(delivered(out)) == 120, 20, "the rest")
        log.write_bytes(rows(120, 130))
        wait_for(lambda: len(delivered(out)) == 130, 20, "the lines of the file that comes then")
        assert worker.stop() == 0
        assert worker.stats is not None
        assert [counters.lost for counters in worker.stats.containers] == [{}]
    assert delivered(out) == [f"n{number}" for number in range(130)]
    log.unlink()
    config = tmp_path / "agent.toml"
    config.write_text(f'[paths]\nroot = "{tmp_path}"\nproc = "{tmp_path}/proc"\n')
    assert main.main(["logs", "--config", str(config), "web", "-n", "1"]) == OK
    assert capfd.readouterr().out == "n119\n"
