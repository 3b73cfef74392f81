"""Every configuration that is shipped is one the agent takes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from agent.config import Config
from agent.configfile import load

ROOT = Path(__file__).parents[2]


def test_the_example_says_the_defaults() -> None:
    path = ROOT / "deploy" / "agent.toml"
    assert load(str(path)) == Config()
    assert set(tomllib.loads(path.read_text())) == {
        *("paths", "metrics", "logs", "filesystem", "history", "remote_write", "web", "api"),
        "probes",
    }


def test_what_the_example_has_commented_out_is_taken_too(tmp_path: Path) -> None:
    lines = (ROOT / "deploy" / "agent.toml").read_text().splitlines()
    start = lines.index("# [[logs.destination]]")
    path = tmp_path / "agent.toml"
    path.write_text(
        "\n".join(
            line.removeprefix("# ") if start <= number < start + 5 else line
            for number, line in enumerate(lines)
        )
    )
    assert [destination.type for destination in load(str(path)).logs.destination] == [
        "file",
        "fluentd",
    ]


@pytest.mark.parametrize("logs", [False, True])
def test_the_daemonsets_configuration_is_taken(tmp_path: Path, logs: bool) -> None:
    documents = yaml.safe_load_all((ROOT / "deploy/kubernetes/daemonset.yaml").read_text())
    text = next(d for d in documents if d["kind"] == "ConfigMap")["data"]["agent.toml"]
    if logs:
        text = re.sub(r"^# (\[\[|\w+ = )", r"\1", text, flags=re.MULTILINE)
        text = text.replace("enabled = false", "enabled = true", 1)
    path = tmp_path / "agent.toml"
    path.write_text(text)
    config = load(str(path), {"AGENT_METRICS_LISTEN": "10.0.0.7:9464"})
    assert config.paths.proc == "/host/proc"
    assert config.paths.cgroup == "/host/sys/fs/cgroup"
    assert config.metrics.listen == "10.0.0.7:9464"
    assert config.logs.enabled is logs
    assert [d.type for d in config.logs.destination] == ["fluentd" if logs else "file"]
