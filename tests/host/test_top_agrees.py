"""`agent top --once -o json` and /metrics of the same second tell the same numbers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import cast

import pytest

from tests.host.agent import Page, agent_run, command
from tests.host.docker import DockerHost

pytestmark = pytest.mark.host

BUSY = (
    "while :; do dd if=/dev/zero of=/data/f bs=64k count=16 conv=fsync 2>/dev/null;"
    " n=0; while [ $n -lt 20000 ]; do n=$((n+1)); done; done"
)
STILL = {"memory_usage_bytes", "memory_working_set_bytes", "memory_rss", "memory_cache", "threads"}
"""Not counters: they may fall between the looks, so they are compared on the idle container."""


def test_every_counter_lies_between_the_pages_before_and_after(
    docker_host: DockerHost, tmp_path: Path
) -> None:
    names = ("agree-busy", "agree-idle")
    try:
        docker_host.run(
            names[0],
            ("/bin/sh", "-c", BUSY),
            memory=32 << 20,
            cpus=0.3,
            options=("--volume", "/data"),
        )
        docker_host.run(names[1], ("/bin/sleep", "600"), memory=16 << 20)
        with agent_run(tmp_path, "logs.enabled=false") as agent:
            before = agent.page()
            printed = subprocess.run(
                command("top", "--once", "-o", "json", "--delay", "1.1"),
                capture_output=True,
                timeout=60,
                check=True,
            )
            after = agent.page()
        rows = {row["name"]: row["counters"] for row in json.loads(printed.stdout)["cgroups"]}
        compared = 0
        for name in names:
            for key, value in cast(dict[str, float | None], rows[name]).items():
                low, high = (_total(page, f"container_{key}", name) for page in (before, after))
                if value is None or low is None or high is None:
                    # Unknown to one is unknown to the other; sums of nothing are 0 in JSON.
                    assert not value, (name, key, value, low, high)
                    continue
                if key not in STILL:
                    assert low <= value <= high, (name, key)
                elif name == names[1]:
                    assert value == pytest.approx(low, abs=256 << 10), (name, key)
                compared += 1
        assert compared > 25
    finally:
        for name in names:
            docker_host.remove(name)


def _total(page: Page, metric: str, name: str) -> float | None:
    """The sum over devices or interfaces; None without a series."""
    found = page.series(metric, name=name)
    return sum(value for _, value in found) if found else None
