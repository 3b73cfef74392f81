"""`agent dashboards export`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import dashboards


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    dashboards.register(parser.add_subparsers())
    args = parser.parse_args(["dashboards", *arguments])
    code: int = args.run(args)
    return code


def test_export_writes_every_dashboard_and_prints_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "grafana" / "dashboards"
    assert run("export", str(directory)) == 0
    written = sorted(directory.iterdir())
    assert [path.name for path in written] == ["container.json"]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in written]
    assert json.loads(written[0].read_text())["uid"] == "container-agent-container"


def test_an_older_export_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "container.json").write_text("old")
    assert run("export", str(tmp_path)) == 0
    assert json.loads((tmp_path / "container.json").read_text())["title"] == "Container"


def test_a_place_that_cannot_be_written_is_named_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run("export", str(tmp_path / "file")) == 1
    said = capsys.readouterr().err
    assert said.startswith("agent: cannot write the dashboards: ")
    assert str(tmp_path / "file") in said


def test_export_needs_no_sdk(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None\n"
        "import argparse\nfrom agent.cli import dashboards\n"
        "parser = argparse.ArgumentParser(); dashboards.register(parser.add_subparsers())\n"
        "args = parser.parse_args(['dashboards', 'export', sys.argv[1]])\n"
        "sys.exit(args.run(args))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)
    assert (tmp_path / "container.json").exists()
