"""agent health, beside a server that answers."""

from __future__ import annotations

import http.client

import pytest

from agent.cli import exits
from agent.cli.main import main
from tests.agent.test_server import FakePages, serving


def asked(pages: FakePages, *options: str) -> int:
    with serving(pages) as connection:
        return main(["health", *options, "--set", f"metrics.listen={_address(connection)}"])


def _address(connection: http.client.HTTPConnection) -> str:
    return f"{connection.host}:{connection.port}"


def test_an_agent_of_which_all_works_is_ok(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(FakePages(), "--exit-code") == exits.OK
    assert capsys.readouterr().out == "ok\n"


def test_what_does_not_work_is_told_and_is_no_failure_unasked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lacking = FakePages(lacks=("no history is kept: No space left on device",))
    assert asked(lacking) == exits.OK
    assert capsys.readouterr().out == ("degraded\n  no history is kept: No space left on device\n")
    assert asked(lacking, "--exit-code") == exits.FINDINGS


def test_an_agent_that_is_not_ready_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(FakePages("not read yet")) == exits.ERROR
    assert capsys.readouterr().out == "not read yet\n"
