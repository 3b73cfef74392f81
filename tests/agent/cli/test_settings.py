"""agent.cli.settings: what the options of run and metrics make of the configuration."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from agent.cli import settings
from agent.cli.main import main
from agent.config import Config


def load(*argv: str) -> Config:
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser)
    settings.add_page_arguments(parser)
    return settings.load_config(parser.parse_args(argv))


@pytest.fixture(autouse=True)
def no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DEFAULT_PATH", "/nonexistent")


def test_labels_are_the_kubelets_unless_asked_otherwise() -> None:
    assert load().metrics.labels == "kubelet"
    assert load("--labels=cadvisor").metrics.labels == "cadvisor"
    assert load("--set", "metrics.labels=cadvisor").metrics.labels == "cadvisor"
    assert load("--set", "metrics.labels=cadvisor", "--labels=kubelet").metrics.labels == "kubelet"


def test_services_are_told_where_they_are_asked_for() -> None:
    assert load().metrics.systemd is False
    assert load("--systemd").metrics.systemd is True


def test_a_variable_that_means_us_is_read_or_refused_where_nothing_else_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in list(os.environ):
        if "AGENT" in name:
            monkeypatch.delenv(name)
    monkeypatch.setenv("SSH_AGENT_PID", "1")
    assert load() == Config()
    monkeypatch.setenv("AGENT_REMOTE_WRITE_URL", "http://there/write")
    assert load().remote_write.url == "http://there/write"
    for mistaken in ("AGENT_METRICS_LISTN", "AGNT_METRICS_LISTEN"):
        monkeypatch.setenv(mistaken, "127.0.0.1:1")
        with pytest.raises(SystemExit):
            load()
        monkeypatch.delenv(mistaken)


def test_groups_are_lists_of_names() -> None:
    config = load("--set", 'metrics.groups_enabled=["tcp"]')
    assert config.metrics.groups_enabled == ("tcp",)


def test_an_unknown_group_is_a_mistake_of_the_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        load("--set", 'metrics.groups_enabled=["netwrok"]')
    assert ended.value.code == 2
    assert "unknown group 'netwrok'; did you mean 'network'?" in capsys.readouterr().err


def test_config_check_knows_the_groups_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agent.toml"
    path.write_text('[metrics]\ngroups_disabled = ["percpu", "sched", "tcp"]\n')
    assert main(["config", "check", str(path)]) == 0
    path.write_text('[metrics]\ngroups_enabled = ["cpuLoad"]\n')
    assert main(["config", "check", str(path)]) == 1
    assert "always 0 on cgroup v2" in capsys.readouterr().err
