"""`agent config`: what it prints, and that what it shows is what holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.cli.config_shown import as_toml, values
from agent.cli.exits import ERROR, OK, USAGE
from agent.cli.main import main
from agent.configfile import load, load_with_origins

TEXT = """\
[metrics]
interval = 5

[[logs.destination]]
type = "fluentd"
host = "10.0.0.7"

[[logs.destination]]
type = "elasticsearch"
urls = ["https://search:9200"]
headers = ["X-Api-Key: abcdefghijklmn"]

[[logs.processing]]
namespace = "shop"
redact = ["all"]
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "agent.toml"
    file.write_text(TEXT)
    return str(file)


def ends(argv: list[str]) -> int:
    try:
        return main(["config", *argv])
    except SystemExit as ended:
        return int(ended.code or 0)


def test_what_is_shown_is_a_file_that_says_the_same(tmp_path: Path, path: str) -> None:
    Path(path).write_text(TEXT.replace("X-Api-Key", "X-Plain"))
    config, origins = load_with_origins(path)
    for origin in (False, True):
        (tmp_path / "shown.toml").write_text(as_toml(values(config, origins), origin=origin))
        assert load(str(tmp_path / "shown.toml")) == config


def test_each_value_has_its_origin(
    path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_METRICS_SYSTEMD", "true")
    argv = ["show", "-o", "json", "--config", path, "--set", "logs.state=/x"]
    assert ends(argv) == OK
    shown = json.loads(capsys.readouterr().out)
    told = {one["key"]: (one["value"], one["origin"]) for one in shown["values"]}
    assert told["metrics.interval"] == (5.0, f"{path}:2")
    assert told["metrics.systemd"] == (True, "environment AGENT_METRICS_SYSTEMD")
    assert told["logs.state"] == ("/x", "--set logs.state")
    assert told["metrics.listen"] == ("127.0.0.1:9464", "default")
    assert told["logs.destination[0].host"] == ("10.0.0.7", f"{path}:6")
    assert told["logs.destination[1].urls"][1] == f"{path}:10"
    assert told["logs.processing[0].redact"] == (["all"], f"{path}:15")


def test_a_secret_is_not_shown(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["show", "--config", path]) == OK
    out = capsys.readouterr().out
    assert "abcdefghijklmn" not in out
    assert "X-Api-Key: [redacted]" in out


def test_every_mistake_is_told_with_its_line(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(path)
    file.write_text(f'{TEXT}\n[web]\npage = "maybe"\nx = 1\n')
    assert ends(["validate", path]) == ERROR
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{path}:18: web.page = 'maybe': must be one of")
    assert second.startswith(f"{path}:19: unknown key 'web.x'")


def test_a_value_that_its_section_refuses_is_told_with_the_sections_line(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(path).write_text("# one\n[metrics]\ninterval = 0.01\n")
    assert ends(["check", path]) == ERROR
    assert capsys.readouterr().err.startswith(f"{path}:2: [metrics] interval = 0.01: must be")


def test_without_a_file_what_commands_would_take_is_checked(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(["validate", "--config", path]) == OK
    assert ends(["validate", "--set", "metrics.interval=soon"]) == ERROR
    assert "--set metrics.interval" in capsys.readouterr().err
    assert ends(["show", "--set", "metrics.interval=soon"]) == USAGE
