"""agent/logs/spool.py, and what the intake does with it."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.container import Container
from agent.logs import checkpoint
from agent.logs.batch import Batch
from agent.logs.fingerprint import head_of
from agent.logs.intake import MISSING_AFTER, Intake
from agent.logs.spool import Origin, Spool, SpoolFull
from tests.agent.logs.rig import Said, cri, source, text_encoder

ORIGIN = Origin(
    "/var/log/pods/a/b/0.log",
    "cri",
    131,
    head_of(b"x"),
    10,
    {"container_name": "ü"},
    {"team": "ä"},
    {"container-agent.logs/redact": "all"},
)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(str(tmp_path / "spool"), limit=1000)


def test_what_is_kept_comes_back_in_order(spool: Spool) -> None:
    spool.save(ORIGIN, 6, [b"one\n", b"2\n"])
    spool.save(ORIGIN, 6, [b"three\n"])
    found, bad = spool.load()
    assert bad == []
    assert [item.origin for item in found] == [ORIGIN, ORIGIN]
    texts = [Path(item.file).read_bytes()[item.start :] for item in found]
    assert texts == [b"one\n2\n", b"three\n"]


def test_labels_and_annotations_without_measure_are_refused(spool: Spool) -> None:
    vast = replace(ORIGIN, labels={"x": "y" * 2_000_000})
    with pytest.raises(SpoolFull, match="labels"):
        Spool(spool.directory).save(vast, 6, [b"three\n"])
    assert spool.load() == ([], [])


def test_it_takes_no_more_than_its_limit_and_leaves_nothing_behind(spool: Spool) -> None:
    spool.save(ORIGIN, 500, [b"x" * 500])
    with pytest.raises(SpoolFull):
        spool.save(ORIGIN, 600, [b"x" * 600])
    with pytest.raises(SpoolFull):
        spool.save(ORIGIN, 10, [b"x" * 300, b"x" * 300])
    assert len(os.listdir(spool.directory)) == 1


@given(st.binary(max_size=300))
def test_what_is_not_a_spooled_file_is_said_and_left(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes
) -> None:
    directory = tmp_path_factory.mktemp("spool")
    (directory / "000001.log").write_bytes(junk)
    found, bad = Spool(str(directory)).load()
    assert found == []
    assert len(bad) == 1
    assert (directory / "000001.log").exists()


class Agent:
    """An intake over one container's log, restarted at will."""

    def __init__(self, root: Path) -> None:
        self.log = root / "pods" / "0.log"
        self.log.parent.mkdir()
        self.spool = Spool(str(root / "spool"))
        self.records: list[checkpoint.FileRecord] = []
        self.said = Said()
        self.container = Container(runtime="docker", id="f" * 64, name="web")
        self.read: list[str] = []
        self.now = 0.0

    def start(self) -> Intake:
        spooled, bad = self.spool.load()
        assert bad == []
        self.intake = Intake(
            self.spool.without_delivered(self.records, spooled), text_encoder,
            self.said.fault_log(), from_start=True, spooled=spooled,
        )  # fmt: skip
        self.scan()
        return self.intake

    def scan(self) -> None:
        found = replace(source(self.log), container=self.container)
        self.intake.update([found] if self.log.exists() else [], self.now)
        self.intake.look(self.now, str(self.log.parent))

    def deliver(self, limit: int = 1 << 20) -> None:
        """Read, and acknowledge it all."""
        for tailed in self.intake.tailed.values():
            while (unread := tailed.chain.next_unread(self.now)) is not None:
                block = unread[0].read(limit)
                for batch in tailed.chain.take(unread[0], block.data, 1):
                    self.take(batch)
        self.now += 10
        for _tailed, batch in self.intake.retire(self.now, 1):
            self.take(batch)
        for _tailed, batch in self.intake.retire(self.now, 1):
            self.take(batch)

    def take(self, batch: Batch) -> None:
        self.read += [entry[2].decode() for entry in batch.entries]
        for mark, _begin, up_to in batch.marks:
            mark.acknowledged = up_to

    def stop(self) -> None:
        self.intake.spool(self.spool, self.now)
        self.records = list(checkpoint.decode(checkpoint.encode(self.intake.records())))
        self.intake.close()

    @property
    def lost(self) -> dict[str, int]:
        return {
            cause: lost.times
            for counters in self.intake.counters()
            for cause, lost in counters.lost.items()
        }


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


@pytest.mark.parametrize("where", ["labels", "log_annotations"])
def test_what_a_container_asked_is_done_after_it_is_gone(agent: Agent, where: str) -> None:
    asked = {"container-agent.logs/redact": "email"}
    agent.container = replace(agent.container, **{where: asked})  # type: ignore[arg-type]
    agent.log.write_bytes(cri("from jo@mail.example.org"))
    agent.start()
    agent.log.unlink()
    agent.stop()
    agent.start()
    agent.deliver()
    assert agent.read == ["from [redacted:email]"]


def test_a_deleted_file_is_read_after_a_restart_before_what_follows(agent: Agent) -> None:
    agent.log.write_bytes(cri("one") + cri("two"))
    agent.start()
    agent.log.unlink()
    agent.log.write_bytes(cri("three"))
    agent.stop()
    assert agent.lost == {}
    agent.start()
    agent.deliver()
    assert agent.read == ["one", "two", "three"]
    assert os.listdir(agent.spool.directory) == []
    assert agent.lost == {}
    agent.stop()
    agent.start()
    agent.deliver()
    assert agent.read == ["one", "two", "three"]
    assert agent.lost == {}
    agent.stop()


def test_only_what_is_not_acknowledged_is_kept(agent: Agent) -> None:
    agent.log.write_bytes(cri("one"))
    agent.start()
    agent.deliver()
    with agent.log.open("ab") as file:
        file.write(cri("two"))
    agent.log.unlink()
    agent.stop()
    agent.start()
    agent.deliver()
    assert agent.read == ["one", "two"]
    agent.stop()


def test_a_pod_that_is_gone_is_read_with_its_own_fields(agent: Agent) -> None:
    agent.log.write_bytes(cri("last words"))
    agent.start()
    agent.log.unlink()
    agent.log.parent.rmdir()
    agent.stop()
    intake = agent.start()
    (tailed,) = intake.tailed.values()
    assert tailed.fields["container_name"] == "web"
    assert tailed.chain.ledger.counters.name == "web"
    agent.deliver()
    assert agent.read == ["last words"]
    assert agent.lost == {}
    agent.stop()


def test_a_spooled_file_read_in_part_goes_on_where_it_was(agent: Agent) -> None:
    agent.log.write_bytes(cri("one") + cri("two"))
    agent.start()
    agent.log.unlink()
    agent.stop()
    intake = agent.start()
    (tailed,) = intake.tailed.values()
    (file,) = tailed.chain.rotation.files
    block = file.read(len(cri("one")))
    for batch in tailed.chain.take(file, block.data, 1):
        agent.take(batch)
    agent.stop()
    agent.start()
    agent.deliver()
    assert agent.read == ["one", "two"]
    agent.stop()


def test_what_is_on_disk_compressed_is_not_spooled(agent: Agent) -> None:
    agent.log.write_bytes(cri("one") + cri("two"))
    agent.start()
    agent.log.with_name("0.log.20261124-031616.gz").write_bytes(
        gzip.compress(agent.log.read_bytes())
    )
    agent.log.unlink()
    agent.log.touch()
    agent.scan()
    agent.stop()
    assert not os.path.exists(agent.spool.directory)
    agent.start()
    agent.deliver()
    assert agent.read == ["one", "two"]
    assert agent.lost == {}
    agent.stop()


def test_a_spool_that_cannot_be_written_is_a_loss_that_is_counted(agent: Agent) -> None:
    agent.log.write_bytes(cri("one"))
    agent.start()
    agent.log.unlink()
    Path(agent.spool.directory).write_text("in the way")
    agent.stop()
    assert agent.lost == {"unlinked": 1}
    assert any("cannot be kept" in line for line in agent.said)


def test_what_is_deleted_while_others_are_copied_is_kept_too(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.log.write_bytes(cri("one"))
    agent.start()
    agent.log.rename(rotated := agent.log.with_name("0.log.20261124-031616"))
    agent.log.write_bytes(cri("two"))
    agent.scan()
    rotated.unlink()
    save = agent.spool.save

    def slow(origin: Origin, size: int, blocks: Iterable[bytes]) -> None:
        save(origin, size, blocks)
        agent.log.unlink(missing_ok=True)  # the runtime rotates on

    monkeypatch.setattr(agent.spool, "save", slow)
    agent.stop()
    assert agent.lost == {}
    agent.start()
    agent.deliver()
    assert agent.read == ["one", "two"]
    agent.stop()


def test_a_container_that_went_while_nobody_read_is_counted_once(agent: Agent) -> None:
    agent.log.write_bytes(cri("one"))
    agent.start()
    agent.deliver()
    agent.stop()
    agent.log.unlink()
    agent.start()
    agent.deliver()
    assert agent.lost == {}, "its runtime may still be starting"
    agent.now += MISSING_AFTER
    agent.deliver()
    agent.now += MISSING_AFTER
    agent.deliver()
    assert agent.lost == {"missing": 1}
    assert agent.intake.records() == []
    agent.stop()


def test_an_empty_file_that_went_while_nobody_read_is_counted(agent: Agent) -> None:
    agent.log.touch()
    agent.start()
    agent.stop()
    agent.log.rename(agent.log.with_name("gone"))
    agent.log.write_bytes(cri("one"))
    agent.start()
    agent.deliver()
    assert agent.read == ["one"]
    assert agent.lost == {"missing": 1}
    agent.stop()
