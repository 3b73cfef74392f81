"""The arguments of `agent demo`."""

from __future__ import annotations

import argparse

import pytest

from agent.cli import demo
from agent.cli.exits import ERROR, UNREACHABLE


def _parse(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    demo.register(parser.add_subparsers())
    return parser.parse_args(["demo", *argv])


def test_the_defaults_start_everything_on_whatever_answers() -> None:
    args = _parse()
    assert (args.runtime, args.only, args.prefix) == (None, "", None)
    assert (args.stop, args.list, args.start_daemon) == (False, False, False)


def test_stop_and_list_exclude_each_other() -> None:
    with pytest.raises(SystemExit):
        _parse("--stop", "--list")


def test_an_unknown_workload_is_an_error_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    args = _parse("--only", "nothing")
    assert args.run(args) == ERROR
    said = capsys.readouterr().err
    assert said.startswith("agent: no demo container is called nothing")
    assert said.count("\n") == 1


def test_a_runtime_that_is_not_installed_is_unreachable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    args = _parse("--runtime", "podman")
    assert args.run(args) == UNREACHABLE
    assert "podman is not installed" in capsys.readouterr().err
