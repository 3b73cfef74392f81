"""agent/container/plain_logs.py"""

from __future__ import annotations

import os
from pathlib import Path

from agent.config import HostPaths, LogFiles
from agent.container.plain_logs import PlainLogs


def logs(root: Path, *patterns: LogFiles) -> PlainLogs:
    return PlainLogs(HostPaths(root=str(root)), patterns)


def make(root: Path, *names: str) -> Path:
    directory = root / "var/log/app"
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / name).touch()
    return directory


def test_each_matching_file_is_a_source_with_its_fields(tmp_path: Path) -> None:
    directory = make(tmp_path, "a.log", "b.log", "c.txt")
    wanted = LogFiles("/var/log/app/*.log", fields=("team=shop", "query=a=b"))
    found = logs(tmp_path, wanted).scan()
    assert [source.path for source in found] == [f"{directory}/a.log", f"{directory}/b.log"]
    assert found[0].format == "plain"
    assert found[0].container.name == "a.log"
    assert found[0].fields == {"file": f"{directory}/a.log", "team": "shop", "query": "a=b"}


def test_what_was_rotated_away_belongs_to_its_file(tmp_path: Path) -> None:
    make(tmp_path, "a.log", "a.log.1", "a.log.2.gz", "a.log.20260102", "old.gz", "x.1")
    found = logs(tmp_path, LogFiles("/var/log/app/*")).scan()
    assert [os.path.basename(source.path) for source in found] == ["a.log", "x.1"]


def test_a_file_that_two_patterns_match_belongs_to_the_first(tmp_path: Path) -> None:
    make(tmp_path, "a.log", "b.log")
    first, second = LogFiles("/var/log/app/a.*", "one"), LogFiles("/var/log/**/*.log", "two")
    found = logs(tmp_path, first, second).scan()
    assert [source.container.name for source in found] == ["one", "two"]


def test_an_unchanged_source_is_the_same_object_and_a_new_file_is_found(tmp_path: Path) -> None:
    directory = make(tmp_path, "a.log")
    plain = logs(tmp_path, LogFiles("/var/log/app/*.log"))
    (source,) = plain.scan()
    (directory / "b.log").touch()
    again = plain.scan()
    assert again[0] is source
    assert len(again) == 2
    assert plain.directories() == [str(directory)]


def test_a_directory_and_a_pattern_without_a_match_are_nothing(tmp_path: Path) -> None:
    (make(tmp_path) / "d.log").mkdir()
    assert logs(tmp_path, LogFiles("/var/log/app/*.log"), LogFiles("/nowhere/*")).scan() == []
