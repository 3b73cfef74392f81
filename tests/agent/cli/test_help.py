"""agent help and agent version."""

from __future__ import annotations

import json
import os
import re

import pytest

from agent.cli import exits
from agent.cli.help import TOPICS
from agent.cli.main import COMMANDS, main
from agent.revision import revision
from agent.selection.fields import FIELDS
from agent.top.columns import COLUMNS
from agent.top.keys import BINDINGS
from agent.version import VERSION


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) == exits.OK
    return capsys.readouterr().out


def test_each_topic_says_all_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    keys = said(capsys, "help", "keys")
    assert all(binding.help in keys for binding in BINDINGS)
    fields = said(capsys, "help", "fields")
    assert all(f"  {field.name} " in fields for field in FIELDS)
    columns = said(capsys, "help", "columns")
    assert all(column.says in columns for column in COLUMNS)
    assert "not permitted" in columns
    assert "image~nginx" in said(capsys, "help", "filter")
    assert "pid:1234" in said(capsys, "help", "targets")
    codes = said(capsys, "help", "exit-codes")
    known = [value for name, value in vars(exits).items() if isinstance(value, int)]
    assert sorted(map(int, re.findall(r"\b(\d+) [a-z]", codes))) == sorted(known)


def test_help_alone_names_commands_and_topics(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "help")
    assert all(re.search(rf"^ +{name}\b", text, re.MULTILINE) for name in (*COMMANDS, *TOPICS))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_is_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for argv in (["help", command], [command, "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == exits.OK
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert told[0].startswith(f"usage: agent {command}")


def test_a_slip_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["help", "colums"])
    assert ended.value.code == exits.USAGE
    assert "did you mean columns?" in capsys.readouterr().err


def test_version_says_what_a_report_needs(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(said(capsys, "version", "--json"))
    assert told["agent"] == VERSION
    assert told["revision"] == revision()
    assert told["kernel"].startswith(os.uname().release)
    assert told["cgroup"] in ("v2", "hybrid", "v1", None)
    text = said(capsys, "version")
    assert text == said(capsys, "--version")
    assert f"agent {VERSION}\n" in text
