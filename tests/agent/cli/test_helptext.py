"""How wide help is."""

from __future__ import annotations

import argparse

import pytest

from agent.cli.helptext import HelpText


@pytest.mark.parametrize(("columns", "widest"), [("50", 50), ("120", 120), ("many", 80)])
def test_help_is_as_wide_as_the_terminal_says(
    columns: str, widest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    parser = argparse.ArgumentParser("agent", formatter_class=HelpText)
    parser.add_argument("--long", help="word " * 100)
    assert widest - 10 < max(map(len, parser.format_help().splitlines())) <= widest
