"""The generated files: up to date, the same every time, and checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dashboards import build


def test_the_committed_files_are_what_the_builders_make() -> None:
    assert build.differences() == []


def test_another_process_with_another_hash_seed_makes_the_same_bytes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from dashboards import build; print(build.generate())"],
        env={"PYTHONHASHSEED": "4711"},
        cwd=Path(build.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{build.generate()}\n"


def test_writing_makes_files_that_the_check_accepts(tmp_path: Path) -> None:
    build.write(tmp_path)
    assert build.differences(tmp_path) == []


def test_the_check_names_a_changed_a_missing_and_a_foreign_file(tmp_path: Path) -> None:
    assert build.differences(tmp_path) == ["container.json is missing"]
    build.write(tmp_path)
    (tmp_path / "old.json").write_text("{}")
    file = tmp_path / "container.json"
    file.write_text(file.read_text().replace("CPU", "Cpu", 1))
    assert build.differences(tmp_path) == [
        "old.json is made by no builder",
        "container.json is not what its builder makes",
    ]


def test_the_check_fails_with_1_and_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build.main(["--check"]) == 0
    monkeypatch.setattr(build, "differences", lambda: ["container.json is missing"])
    assert build.main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "container.json is missing\nrun: python -m dashboards.build\n"
    )
