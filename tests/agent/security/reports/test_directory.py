from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.security.reports.directory import Answer, ReportDirectory, read_in_children
from agent.security.reports.report import ImageReport
from tests.agent.security.reports.test_formats import ID, REPORTS


class Reader:
    """Answers with a report named after the file; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, paths: Sequence[str]) -> dict[str, Answer]:
        self.asked.append(sorted(os.path.basename(path) for path in paths))
        return {
            path: ImageReport("trivy", frozenset({path}), frozenset(), {}, 0.0)
            if "bad" not in os.path.basename(path)
            else "torn"
            for path in paths
        }


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    read = Reader()
    directory = ReportDirectory(str(tmp_path), read)
    (tmp_path / "a.json").write_text("1")
    (tmp_path / "b.json").write_text("1")
    directory.refresh()
    directory.refresh()
    (tmp_path / "b.json").write_text("22")
    (tmp_path / "c.json").write_text("1")
    (tmp_path / "a.json").unlink()
    directory.refresh()
    assert read.asked == [["a.json", "b.json"], ["b.json", "c.json"]]
    assert len(directory.reports()) == 2


def test_other_files_are_not_reports(tmp_path: Path) -> None:
    read = Reader()
    for name in ("a.txt", ".a.json.swp", ".hidden.json"):
        (tmp_path / name).write_text("x")
    (tmp_path / "to-nowhere.json").symlink_to(tmp_path / "nowhere")
    ReportDirectory(str(tmp_path), read).refresh()
    assert read.asked == []


def test_a_bad_file_is_named_and_loses_nothing_else(tmp_path: Path) -> None:
    directory = ReportDirectory(str(tmp_path), Reader())
    for name in ("a.json", "bad.json", "c.json"):
        (tmp_path / name).write_text("x")
    directory.refresh()
    assert len(directory.reports()) == 2
    assert directory.problems() == (f"{tmp_path}/bad.json: torn",)


def test_a_directory_that_is_away_is_named_and_what_was_known_stays(tmp_path: Path) -> None:
    place = tmp_path / "reports"
    place.mkdir()
    directory = ReportDirectory(str(place), Reader())
    (place / "a.json").write_text("x")
    directory.refresh()
    shutil.rmtree(place)
    directory.refresh()
    assert len(directory.reports()) == 1
    assert directory.problems() == (f"{place}: No such file or directory",)


def test_a_child_reads_the_reports_and_names_the_bad_ones(tmp_path: Path) -> None:
    shutil.copy(REPORTS / "trivy.json", tmp_path)
    (tmp_path / "torn.json").write_bytes((REPORTS / "grype.json").read_bytes()[:200])
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "two\nlines.json").write_text("{}")
    directory = ReportDirectory(str(tmp_path))
    directory.refresh()
    (report,) = directory.reports()
    assert report.image_ids == {ID}
    said = "\n".join(directory.problems())
    assert f"{tmp_path}/torn.json: not JSON" in said
    assert f"{tmp_path}/pipe.json: not a regular file" in said
    assert "its name is no text of one line" in said


def test_the_childs_death_is_put_on_the_file_it_died_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A reader that is killed by the second file it reads.
    package = tmp_path / "code" / "agent" / "security" / "reports"
    package.mkdir(parents=True)
    for directory in (package, package.parent, package.parent.parent):
        (directory / "__init__.py").write_text("")
    (package / "reader.py").write_text(
        "import os, sys, json\n"
        "for line in sys.stdin:\n"
        "    path = line.rstrip()\n"
        "    if 'killer' in path: os.kill(os.getpid(), 9)\n"
        "    print(json.dumps({'path': path, 'problem': 'seen'}), flush=True)\n"
    )
    monkeypatch.chdir(tmp_path / "code")
    found = read_in_children(["/r/a.json", "/r/killer.json", "/r/c.json"])
    assert found == {
        "/r/a.json": "seen",
        "/r/killer.json": "the reader did not survive it: status -9",
        "/r/c.json": "seen",
    }
