"""A real kubelet rotates a container's log (containerLogMaxSize), compresses and deletes it.

The container writes a stage when it is told to, so that the log is rotated while the worker reads,
while it is down, and not at all while the pod is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config import HostPaths
from tests.host.kubelet import Kubelet
from tests.host.manifests import container, container_id, is_running, pod
from tests.host.test_log_rotation import Output, start
from tests.log_host import Worker, wait_for

pytestmark = [pytest.mark.host, pytest.mark.timeout(240)]

LINES = 12_000
"""Of one stage: 1.4 MB of log, above the 1 MiB at which it is rotated."""
HALF = LINES // 2
STAGES = 4
FILL = "x" * 80
WRITER = f"""
stage=1
while [ $stage -le {STAGES} ]; do
    while [ ! -e /go/$stage ]; do sleep 0.05; done
    i=0
    while [ $i -lt {LINES} ]; do
        echo line $stage $i {FILL}
        i=$((i+1))
        [ $i -eq {HALF} ] && while [ ! -e /go/$stage.rest ]; do sleep 0.05; done
    done
    stage=$((stage+1))
done
trap 'printf "last words"; exit 0' TERM
while :; do sleep 0.05; done
"""


class Writer:
    """A pod that writes its log by stages."""

    def __init__(self, kubelet: Kubelet, go: Path) -> None:
        self.name = "writer"
        self._go = go
        self._kubelet = kubelet
        mount = {"name": "go", "mountPath": "/go"}
        volume = {"name": "go", "hostPath": {"path": str(go)}}
        app = container("app", ["/bin/sh", "-c", WRITER], volumeMounts=[mount])
        kubelet.add(
            pod(self.name, app, namespace="logs", volumes=[volume], terminationGracePeriodSeconds=5)
        )
        self.status = kubelet.await_pod(self.name, is_running)
        uid = self.status["metadata"]["uid"]
        self.directory = kubelet.pod_logs / f"logs_{self.name}-node1_{uid}/app"

    def write(self, stage: int, *, half: bool = False) -> None:
        """Let it write one stage, or the first half of it."""
        if not half:
            (self._go / f"{stage}.rest").touch()
        (self._go / str(stage)).touch()

    def await_rotated(self, count: int) -> None:
        """Return when the kubelet has rotated so many files away."""
        wait_for(lambda: len(self.rotated()) >= count, 30, f"{count} rotated files")

    def rotated(self) -> set[str]:
        """What the rotated files are called, without .gz; not one that is being compressed."""
        names = {file.name.removesuffix(".gz") for file in self.directory.glob("0.log.*")}
        return {name for name in names if not name.endswith(".tmp")}

    def compressed(self) -> list[str]:
        """The compressed files."""
        return [file.name for file in self.directory.glob("0.log.*.gz")]


@pytest.fixture
def writer(kubelet: Kubelet, tmp_path: Path) -> Iterator[Writer]:
    go = tmp_path / "go"
    go.mkdir()
    made = Writer(kubelet, go)
    try:
        yield made
    finally:
        if (kubelet.manifests / f"{made.name}.json").exists():
            kubelet.remove(made.name)
        wait_for(lambda: not kubelet.pod(made.name), 60, "the pod is gone")


def test_every_line_arrives_through_a_real_kubelets_rotation_a_stop_and_the_end_of_the_pod(
    kubelet: Kubelet, writer: Writer, tmp_path: Path
) -> None:
    paths = HostPaths(
        docker=(str(tmp_path / "docker"),),
        containerd=(str(kubelet.engine.root),),
        proc=str(tmp_path / "proc"),
        pod_logs=str(kubelet.pod_logs),
    )
    out, given = start(tmp_path, paths, "pod", f"{writer.name}-node1")
    with Worker(given, tmp_path / "errors") as worker:
        writer.write(1)
        writer.await_rotated(1)
        wait_for(lambda: _count(out) >= LINES, 60, "the first stage arrives")
        writer.write(2, half=True)
        wait_for(lambda: _count(out) == LINES + HALF, 60, "half of the second stage arrives")
        assert worker.stop() == 0
    # The file it was in is rotated and then compressed, the next is rotated, without the worker.
    writer.write(2)
    writer.await_rotated(2)
    stopped_in = max(writer.rotated())
    writer.write(3)
    wait_for(lambda: f"{stopped_in}.gz" in writer.compressed(), 30, "the kubelet compresses")
    writer.write(4)
    with Worker(given, tmp_path / "errors") as worker:
        wait_for(lambda: _count(out) >= STAGES * LINES, 90, "all stages arrive")
        kubelet.remove(writer.name)
        wait_for(lambda: not kubelet.pod(writer.name), 30, "the pod is gone")
        wait_for(lambda: _count(out) > STAGES * LINES, 90, "the last words arrive")
        assert worker.stop() == 0
        assert worker.stats is not None
        assert [c.lost for c in worker.stats.containers if c.pod == f"{writer.name}-node1"] == [{}]
    assert out.texts() == [
        *(f"line {stage} {n} {FILL}" for stage in range(1, STAGES + 1) for n in range(LINES)),
        "last words",
    ]
    told = {(record["namespace"], record["container_id"]) for record in out.records()}
    assert told == {("logs", container_id(writer.status, "app"))}


def test_the_link_in_var_log_containers_leads_to_the_log_it_is_known_by(
    kubelet: Kubelet, writer: Writer
) -> None:
    id_ = container_id(writer.status, "app")
    link = kubelet.container_logs / f"{writer.name}-node1_logs_app-{id_}.log"
    wait_for(link.exists, 10, "the link")
    assert link.resolve() == writer.directory / "0.log"


def _count(out: Output) -> int:
    return len(out.texts())
