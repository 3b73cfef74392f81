"""agent top on real containers: it says what the runtime was asked for, and what /metrics says."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from tests.host.agent import command, page_once
from tests.host.docker import DockerHost
from tests.host.terminal import TerminalProgram

pytestmark = pytest.mark.host

MIB = 1024**2


def top_once(name: str) -> Any:  # one cgroup of the document, as a script sees it
    done = subprocess.run(
        command("top", "--once", "--delay", "0.5", "-o", "json", "--filter", f"name={name}"),
        capture_output=True,
        timeout=60,
        check=True,
    )
    (found,) = json.loads(done.stdout)["cgroups"]
    return found


def test_a_throttled_container_is_told_with_its_limits_and_agrees_with_the_page(
    docker_host: DockerHost,
) -> None:
    name = "top-throttled"
    docker_host.run(name, ["sh", "-c", "while :; do :; done"], cpus=0.05, memory=64 * MIB)
    try:
        before = page_once()
        found = top_once(name)
        after = page_once()
    finally:
        docker_host.remove(name)
    assert found["name"] == name
    assert found["container"]["image"] == docker_host.image
    assert found["cpu_limit_cores"] == {"limit": 0.05, "unlimited": False}
    assert found["memory_limit"] == {"limit": 64 * MIB, "unlimited": False}
    # It wants all it can get, and gets its limit on a busy machine too. How often it is stopped
    # depends on what else the machine does.
    assert 0 < found["cpu_cores"] < 0.1
    assert 0 < found["throttled_ratio"] <= 1
    assert found["cpu_limit_ratio"] == pytest.approx(found["cpu_cores"] / 0.05)
    for counter in ("cpu_usage_seconds_total", "cpu_cfs_throttled_periods_total"):
        told = found["counters"][counter]
        low, high = (page.value(f"container_{counter}", name=name) for page in (before, after))
        assert low <= told <= high


def test_a_container_without_limits_has_none_and_no_ratio(docker_host: DockerHost) -> None:
    name = "top-free"
    docker_host.run(name, ["sleep", "60"])
    try:
        found = top_once(name)
    finally:
        docker_host.remove(name)
    assert found["cpu_limit_cores"] == {"limit": None, "unlimited": True}
    assert found["memory_limit"] == {"limit": None, "unlimited": True}
    assert found["cpu_limit_ratio"] is None
    assert found["unknown"]["cpu_limit_ratio"] == "inapplicable"
    assert found["state"] == "running"


def test_the_screen_shows_why_the_processes_and_the_log_of_a_container(
    docker_host: DockerHost,
) -> None:
    name = "top-panels"
    script = "echo first line; echo 'to stderr' >&2; while :; do sleep 1; done"
    docker_host.run(name, ["sh", "-c", script], memory=64 * MIB)
    try:
        with TerminalProgram(
            command("top", "--delay", "0.5", "--filter", f"name={name}"), columns=120
        ) as top:
            top.wait_for_text(f" {name} ")
            top.send("w")
            top.wait_for_text("checks passed")
            top.wait_for_text("limit 64.0M")
            top.send("p")
            top.wait_for(
                lambda text: (
                    re.search(r"^ +\d+ +1 +0\.\d\d .*sh -c", text, re.MULTILINE) is not None
                ),
                "its process 1",
            )
            top.send("l")
            top.wait_for_text("first line")
            top.wait_for_text("to stderr")
            top.send("/stderr\r")
            top.wait_for(lambda text: "first line" not in text, "only what is searched for")
            top.send("q")
            assert top.wait_for_end() == 0
            assert b"Traceback" not in top.output
    finally:
        docker_host.remove(name)
