"""The commands given to ctr."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.demo.client import IMAGE, Job
from agent.demo.ctr import Ctr
from agent.demo.state import Places

PLACES = Places(Path("/nonexistent/run"), Path("/nonexistent/data"))


def test_a_container_runs_in_the_background_with_its_limits() -> None:
    job = Job("demo-x", ("sh", "-c", "true"), {"a": "b"}, cpus=0.2, memory=1 << 26)
    assert Ctr((), PLACES).run_arguments(job) == [
        *("run", "--detach", "--null-io", "--label", "a=b"),
        *("--cpus", "0.2", "--memory-limit", "67108864", IMAGE, "demo-x", "sh", "-c", "true"),
    ]


def test_one_that_is_started_again_runs_in_the_foreground_for_its_status() -> None:
    job = Job("demo-x", ("false",), {}, restart=True)
    assert Ctr((), PLACES).run_arguments(job) == ["run", "--rm", IMAGE, "demo-x", "false"]


def test_the_address_of_the_environment_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTAINERD_ADDRESS", "/x.sock")
    monkeypatch.setenv("CONTAINERD_NAMESPACE", "n")
    assert Ctr((), PLACES).options == ("--address", "/x.sock", "--namespace", "n")
    given = Ctr(("--address", "/y.sock"), PLACES).options
    assert given == ("--address", "/y.sock", "--namespace", "n")
