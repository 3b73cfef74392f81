"""What could not be read is told with its file, and what to do about it."""

from __future__ import annotations

import os

import pytest

from agent.cli.unread import tell
from agent.model import SourceHealth


def health(message: str) -> SourceHealth:
    return SourceHealth("process", 0.1, 2 if message else 0, message)


def test_whoever_is_not_root_is_told_that_root_sees_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    tell("metrics", [health(""), health("/proc/1/fd: Permission denied")])
    assert capsys.readouterr().err == (
        "agent metrics: process: 2 could not be read, the first: /proc/1/fd: Permission denied\n"
        "agent metrics: root sees more; `agent doctor` says which right buys what\n"
    )


def test_root_is_not(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    tell("ps", [health("/proc/1/fd: Permission denied")])
    assert "root sees more" not in capsys.readouterr().err


def test_where_all_was_read_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    tell("ps", [health("")])
    assert capsys.readouterr().err == ""
