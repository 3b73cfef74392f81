"""A real Docker writes and rotates a container's log; a real log worker delivers every line."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import Config, HostPaths, LogsConfig
from agent.file_destination import FileDestination
from agent.logs.handover import worker_input
from tests.host.docker import DockerHost
from tests.log_host import Worker, shipped, wait_for

LINES = 20_000
LONG = 40_000
"""More than two of the 16 KiB pieces Docker cuts a line into."""
SCRIPT = f"""
i=0
while [ $i -lt {LINES} ]; do echo "line $i <&>"; i=$((i + 1)); done
head -c {LONG} /dev/zero | tr '\\0' x; echo
echo to stderr >&2
printf '\\377 not UTF-8\\n'
printf 'last words'
"""


@pytest.mark.host
def test_every_line_of_a_container_that_docker_rotates_arrives(
    docker_host: DockerHost, tmp_path: Path
) -> None:
    (tmp_path / "proc").mkdir()
    out = tmp_path / "out.jsonl"
    config = Config(
        # An empty /proc and no pods: only this Docker's containers.
        paths=HostPaths(
            docker=(str(docker_host.root),),
            proc=str(tmp_path / "proc"),
            pod_logs=str(tmp_path / "pods"),
        ),
        logs=LogsConfig(state=str(tmp_path / "state")),
    )
    given = worker_input(config, FileDestination(path=str(out)))

    def records() -> list[dict[str, object]]:
        # The same Docker may have logs of other tests' containers.
        return [record for record in shipped(out) if record["container_name"] == "logs-rotated"]

    with Worker(given, tmp_path / "errors") as worker:
        wait_for(lambda: worker.stats is not None, 10, "the worker runs")
        options = ["--log-opt", "max-size=100k", "--log-opt", "max-file=40",
                   "--log-opt", "labels=team", "--label", "team=shop"]  # fmt: skip
        handle = docker_host.run("logs-rotated", ["/bin/sh", "-c", SCRIPT], options=options)
        try:
            wait_for(lambda: len(records()) >= LINES + 3, 60, "the whole lines arrive")
            assert len(list(Path(handle.log_path).parent.glob("*-json.log.*"))) > 10
        finally:
            docker_host.remove("logs-rotated")
        wait_for(lambda: len(records()) == LINES + 4, 20, "the last words arrive when it is gone")
        assert worker.stop() == 0
        assert worker.stats is not None
        ours = [c.lost for c in worker.stats.containers if c.name == "logs-rotated"]
        assert ours == [{}]
    found = records()
    texts = [record["log"] for record in found if record["stream"] == "stdout"]
    assert texts == [
        *(f"line {number} <&>" for number in range(LINES)),
        "x" * LONG,
        "\ufffd not UTF-8",
        "last words",
    ]
    assert [record["log"] for record in found if record["stream"] == "stderr"] == ["to stderr"]
    for record in found:
        assert record["container_id"] == handle.id
        assert record["attrs"] == {"team": "shop"}
