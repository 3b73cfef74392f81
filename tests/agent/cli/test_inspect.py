"""`agent inspect`: what it prints and how it ends, for whatever is written as target."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agent.cli.exits import NOT_FOUND, USAGE
from agent.cli.main import main


def ends(argv: Sequence[str]) -> int:
    try:
        return main(["inspect", *argv])
    except SystemExit as ended:
        return int(ended.code or 0)


def test_a_target_that_is_none_is_a_mistake_in_its_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["pid:web"]) == USAGE
    assert "a pid is a number" in capsys.readouterr().err


def test_a_container_that_is_not_there_is_not_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["no-such-container-at-all"]) == NOT_FOUND
    out, err = capsys.readouterr()
    assert out == ""
    assert "no running container is 'no-such-container-at-all'" in err


def test_this_process_is_in_no_container_that_is_not_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ends(["pid:4194304"]) == NOT_FOUND
    assert capsys.readouterr().out == ""
