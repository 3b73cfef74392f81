"""agent/logs/ending.py: leases of real files."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.logs.chain import LINGER, Chain
from agent.logs.ending import SETTLED, Ending
from agent.logs.partial import IDLE
from tests.agent.logs.rig import Said, cri, ledger
from tests.agent.logs.test_chain import NOW, acknowledge, contents, turn

ID = "ab" * 32


class Runs:
    """A container that runs until it is said to have ended."""

    def __init__(self) -> None:
        self.alive: bool | None = True
        self.asked = 0

    def __call__(self, id_: str) -> bool | None:
        assert id_ == ID
        self.asked += 1
        return self.alive


class Log:
    """A container's log, its writer and its chain."""

    def __init__(self, path: Path, log_format: str) -> None:
        self.path, self.runs = path, Runs()
        self.writer = path.open("ab", buffering=0)
        self.chain = Chain(str(path), log_format, ledger(Said()), [])
        self.chain.ending = Ending(log_format, "" if log_format == "plain" else ID, self.runs)
        self.chain.rotation.look(NOW)

    def write(self, data: bytes) -> list[str]:
        self.writer.write(data)
        return contents(acknowledge(turn(self.chain)))

    def at(self, seconds: float) -> list[str]:
        """What goes out when so long nothing was written."""
        return contents(acknowledge(list(self.chain.retire(NOW + seconds, 7))))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / "0.log", "cri")
    yield log
    log.writer.close()
    log.chain.close()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / "app.log", "plain")
    yield log
    log.writer.close()
    log.chain.close()


@pytest.fixture(autouse=True)
def _leases(tmp_path: Path) -> None:
    probe = tmp_path / "probe"
    probe.touch()
    with probe.open("rb") as file:
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError:
            pytest.skip("this filesystem has no leases")


def test_the_last_words_go_out_when_the_container_has_ended(log: Log) -> None:
    assert log.write(cri("whole") + cri("last wor", tag="P")) == ["whole"]
    log.runs.alive = False
    log.writer.close()
    assert log.at(SETTLED - 0.1) == []
    assert log.at(SETTLED) == ["last wor"]
    assert log.chain.at_rest
    assert log.at(SETTLED + 10) == []
    assert log.runs.asked == 1


def test_they_wait_while_the_runtime_holds_the_log(log: Log) -> None:
    log.write(cri("prompt> ", tag="P"))
    log.runs.alive = False  # its last bytes may still be on their way
    assert log.at(IDLE - 1) == []
    assert log.runs.asked == 0
    assert log.at(IDLE) == ["prompt> "]


def test_they_wait_while_its_runtime_is_restarted(log: Log) -> None:
    log.write(cri("in the mid", tag="P"))
    log.writer.close()
    assert log.at(5) == []
    assert log.at(5.5) == []
    assert log.runs.asked == 1, "once a second is enough"
    log.writer = log.path.open("ab", buffering=0)
    assert log.write(cri("dle")) == ["in the middle"]


def test_where_nobody_knows_whether_it_runs_the_runtimes_word_counts(log: Log) -> None:
    log.write(cri("last wor", tag="P"))
    log.writer.close()
    log.runs.alive = None
    assert log.at(SETTLED) == ["last wor"]


def test_a_line_that_goes_on_in_a_newer_file_has_no_end(log: Log) -> None:
    log.write(cri("be", tag="P"))
    log.path.rename(log.path.with_name("0.log.20261124-010000"))
    log.writer.close()
    log.runs.alive = False
    log.writer = log.path.open("ab", buffering=0)
    log.writer.write(cri("gin"))
    assert log.at(SETTLED) == []
    assert contents(turn(log.chain)) == ["begin"]


def test_a_line_that_its_runtime_could_not_write_whole_is_not_kept_for_ever(log: Log) -> None:
    """A full disk, or a crash of the runtime."""
    whole = cri("torn by a full disk")
    assert log.write(whole[:-8]) == []
    assert not log.chain.at_rest
    assert log.at(IDLE - 1) == []
    assert log.at(IDLE) == [whole[len(cri("")) - 1 : -8].decode()]
    log.chain.measure(NOW, 0)
    assert log.chain.ledger.counters.lag_bytes == 0
    assert log.write(cri("next")) == ["next"]


def test_a_plain_files_last_line_goes_out_when_its_program_has_closed_it(plain: Log) -> None:
    assert plain.write(b"whole\nlast wor") == ["whole"]
    assert plain.at(SETTLED) == []
    plain.writer.close()
    assert plain.at(2 * SETTLED) == ["last wor"]


def test_a_plain_file_that_is_opened_for_each_write_has_no_known_end(plain: Log) -> None:
    plain.write(b"doing that ... ")
    plain.writer.close()
    assert plain.at(SETTLED) == []
    assert plain.at(IDLE - 1) == []
    plain.writer = plain.path.open("ab", buffering=0)
    assert plain.write(b"done\nnext") == ["doing that ... done"]
    plain.writer.close()
    assert plain.at(IDLE) == ["next"]


def test_a_deleted_plain_files_last_line_goes_out(plain: Log) -> None:
    plain.write(b"last wor")
    plain.writer.close()
    plain.path.unlink()
    plain.chain.rotation.source_gone = True
    assert plain.at(LINGER) == ["last wor"]
