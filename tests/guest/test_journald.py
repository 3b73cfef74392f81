"""Lines that live runtimes write to a live journald come out of a running agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guest.inside import IN_GUEST, SLOW, Runtime, whole_lines
from tests.host.agent import agent_run
from tests.host.daemon import run, wait_until

pytestmark = [*IN_GUEST]

LINES = 500
UNIT_LINES = 5000
"""Fewer than journald lets a unit write in 30 s (RateLimitBurst)."""
LONG = 40_000
"""Bytes: Docker cuts lines at 16 KiB, conmon at 8 KiB."""
SCRIPT = (
    f"i=0; while [ $i -lt {LINES} ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; "
    f"head -c {LONG} /dev/zero | tr '\\0' x; echo end"
)
OPTIONS = ("--log-driver=journald", "--label=tier=web")
Records = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def records(
    docker: Runtime, podman: Runtime, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Records]:
    """All records by container name, from an agent that was ended and started in between."""
    directory = tmp_path_factory.mktemp("journald")
    settings = (
        "logs.journald.units=['told.service']",
        "logs.labels=['tier']",
        "probes.enabled=false",
    )

    def delivered() -> Records:
        found: Records = {}
        for line in whole_lines(directory / "logs.jsonl"):
            record = json.loads(line)
            found.setdefault(record.get("container_name", ""), []).append(record)
        return found

    def ended(name: str) -> bool:
        return any(record["log"].endswith("end") for record in delivered().get(name, ()))

    def unit() -> None:
        script = f"i=0; while [ $i -lt {UNIT_LINES} ]; do echo unit $i; i=$((i+1)); done; echo end"
        argv = ["systemd-run", "--wait", "--collect", "--unit=told", "/bin/sh", "-c", script]
        run(argv, timeout=SLOW)

    with agent_run(directory, *settings):
        docker.start("in-docker", ("/bin/sh", "-c", SCRIPT), *OPTIONS)
        wait_until(lambda: ended("in-docker"), SLOW, "Docker's lines")
    # While no agent runs.
    podman.start("in-podman", ("/bin/sh", "-c", SCRIPT), *OPTIONS)
    podman.cli("wait", "in-podman")
    with agent_run(directory, *settings):
        wait_until(lambda: ended("in-podman"), SLOW, "Podman's lines")
        unit()
        wait_until(lambda: ended("told.service"), SLOW, "the unit's lines")
    yield delivered()
    docker.remove("in-docker")
    podman.remove("in-podman")


@pytest.mark.parametrize("name", ["in-docker", "in-podman"])
def test_every_line_once_and_in_order(records: Records, name: str) -> None:
    for stream, word in (("stdout", "out"), ("stderr", "err")):
        lines = [
            record["log"]
            for record in records[name]
            if record["stream"] == stream and record["log"].startswith(word)
        ]
        assert lines == [f"{word} {number}" for number in range(LINES)]


@pytest.mark.parametrize("name", ["in-docker", "in-podman"])
def test_a_long_line_is_one_record(records: Records, name: str) -> None:
    (long,) = [record for record in records[name] if record["log"].endswith("xend")]
    assert long["log"] == "x" * LONG + "end"


def test_who_wrote_it(records: Records, docker: Runtime, podman: Runtime) -> None:
    for name, runtime in (("in-docker", docker), ("in-podman", podman)):
        record = records[name][0]
        assert record["runtime"] == runtime.program
        shown = json.loads(runtime.cli("container", "inspect", name))[0]
        assert record["container_id"] == shown["Id"]
        assert (record["image"], record["label_tier"]) == (runtime.image, "web")


def test_units_that_were_asked_for_and_no_others(records: Records) -> None:
    lines = [record["log"] for record in records["told.service"]]
    assert lines == [*(f"unit {number}" for number in range(UNIT_LINES)), "end"]
    assert records.keys() == {"in-docker", "in-podman", "told.service"}


def test_an_agent_that_reads_the_journal_says_so(tmp_path: Path) -> None:
    with agent_run(tmp_path, "probes.enabled=false") as agent:
        wait_until(
            lambda: agent.page().series("agent_log_journal") != [], SLOW, "the worker's statistics"
        )
        assert agent.page().value("agent_log_journal") == 1
