from __future__ import annotations

import pytest

from agent.cli.exits import USAGE
from agent.cli.helptext import Parser
from agent.cli.main import main


@pytest.mark.parametrize(
    ("argv", "near"),
    [
        (["tpo"], "did you mean top?"),
        (["inpsect", "web"], "did you mean inspect?"),
        (["ps", "-o", "jso"], "did you mean json?"),
        (["config", "shw"], "did you mean show?"),
        (["top", "--onec"], "did you mean --once?"),
        (["why", "web", "--sesonds=3"], "did you mean --seconds?"),
    ],
)
def test_a_slip_is_told_with_what_is_near(
    argv: list[str], near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == USAGE
    assert near in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["xyzzy"], ["ps", "--no-such-option"]])
def test_where_nothing_is_near_nothing_is_guessed(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(argv)
    assert "did you mean" not in capsys.readouterr().err


def test_an_option_that_is_not_known_is_told_with_the_usage_of_its_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["events", "--xyzzy"])
    assert ended.value.code == USAGE
    said = capsys.readouterr().err
    assert said.startswith("usage: agent events ")
    assert "agent events: error: unrecognized arguments: --xyzzy" in said


def test_lines_of_a_description_stay_as_they_are_written() -> None:
    parser = Parser(prog="x", description="one\n  two")
    assert "one\n  two" in parser.format_help()
    assert "a\n   b" in Parser(prog="x", epilog="a\n   b").format_help()
