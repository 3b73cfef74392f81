"""agent top without a terminal. Live: tests/agent/top/test_live.py."""

from __future__ import annotations

import argparse
import json

import pytest

from agent.cli import top
from agent.model import Snapshot
from tests.agent.top.scene import snapshots


class FakeSource:
    """The scene's two ticks, over and over."""

    def __init__(self) -> None:
        self.count = 0

    def snapshot(self) -> Snapshot:
        self.count += 1
        return snapshots()[(self.count - 1) % 2]


def parse(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    top.register(parser.add_subparsers())
    return parser.parse_args(["top", "-d", "0.1", *argv])


def run(*argv: str) -> int:
    return top.show(parse(*argv), FakeSource())


def test_once_prints_one_table_and_explains_the_signs_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--once") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["NAME", "STATE", "CPU"]
    assert lines[1].startswith("batch-etl-28841")
    assert len(lines) == 7
    assert "IMAGE" not in lines[0]
    assert "not permitted" in err


def test_without_a_terminal_it_prints_and_does_not_wait_for_keys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run() == 0
    assert capsys.readouterr().out.startswith("NAME")


def test_json_is_one_object_a_line_in_the_order_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("-o", "json", "-n", "3", "--sort", "memory", "--all") == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(documents) == 3
    assert documents[0]["cgroups"][1]["name"] == "search"
    assert len(documents[0]["cgroups"]) == 9


def test_tables_are_parted_by_an_empty_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-n", "2", "--filter", "search", "--wide") == 0
    tables = capsys.readouterr().out.split("\n\n")
    assert len(tables) == 2
    assert all("IMAGE" in table and "search" in table for table in tables)
    assert "checkout" not in tables[0]


def test_reverse_and_ascii_reach_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--once", "--sort", "name", "-r", "--ascii") == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.splitlines()[2].startswith("shop/")


@pytest.mark.parametrize("argv", [["-d", "0"], ["-d", "x"], ["-n", "0"], ["-o", "xml"]])
def test_a_wrong_option_is_a_usage_error(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        parse(*argv)
    assert exit_info.value.code == 2


def test_a_column_that_is_not_there_is_a_usage_error_which_lists_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert parse("--sort", "x").run(parse("--sort", "x")) == 2
    assert "memory-limit" in capsys.readouterr().err
