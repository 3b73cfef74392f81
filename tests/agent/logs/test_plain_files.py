"""[[logs.files]], from the configuration file to the destination, through a real worker."""

from __future__ import annotations

from pathlib import Path

from agent.config import Config, HostPaths
from agent.configfile import load
from agent.file_destination import FileDestination
from agent.logs.handover import worker_input
from tests.log_host import Worker, shipped, wait_for


def configuration(tmp_path: Path) -> Config:
    file = tmp_path / "agent.toml"
    file.write_text(f"""
        [paths]
        root = "{tmp_path}/host"
        proc = "{tmp_path}/host/proc"
        [logs]
        state = "{tmp_path}/state"
        held_bytes = 1000000
        [[logs.files]]
        path = "/var/log/app/*.log"
        name = "app"
        fields = ["team=shop"]
        [[logs.destination]]
        type = "file"
        path = "{tmp_path}/out.jsonl"
        """)
    return load(str(file))


def test_plain_files_are_read_through_their_rotation_with_their_fields(tmp_path: Path) -> None:
    directory = tmp_path / "host/var/log/app"
    directory.mkdir(parents=True)
    (tmp_path / "host/proc").mkdir()
    log = directory / "app.log"
    log.write_bytes(b"one\ntwo\r\n")
    config = configuration(tmp_path)
    out = tmp_path / "out.jsonl"
    assert config.paths == HostPaths(root=f"{tmp_path}/host", proc=f"{tmp_path}/host/proc")
    destination = config.logs.destination[0]
    assert isinstance(destination, FileDestination)

    with Worker(worker_input(config, destination), tmp_path / "errors") as worker:
        wait_for(lambda: len(shipped(out)) == 2, 20, "the first lines arrive")
        log.rename(directory / "app.log.1")
        log.write_bytes(b"three\n")
        wait_for(lambda: len(shipped(out)) == 3, 20, "the next file's line arrives")
        assert worker.stop() == 0
    found = shipped(out)
    assert [record["log"] for record in found] == ["one", "two", "three"]
    assert {record["container_name"] for record in found} == {"app"}
    assert {record["team"] for record in found} == {"shop"}
    assert {record["file"] for record in found} == {str(log)}
