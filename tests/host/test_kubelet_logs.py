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
STAGES = 5
FILL = "x" * 80
WRITER = f"""
stage=1
while [ $stage -le {STAGES} ]; do
    while [ ! -e /go/$stage ]; do sleep 0.05; done
    i=0
    while [ $i -lt {LINES} ]; do echo line $stage $i {FILL}; i=$((i+1)); done
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

    def write(self, stage: int) -> None:
        """Let it write one stage, and wait until the kubelet has rotated it away."""
        before = self.rotated()
        (self._go / str(stage)).touch()
        wait_for(lambda: self.rotated() - before, 30, f"stage {stage} is rotated")

    def rotated(self) -> set[str]:
        """What the rotated files are called, without .gz."""
        return {file.name.removesuffix(".gz") for file in self.directory.glob("0.log.*[0-9]*")}

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
        for stage in (1, 2):
            writer.write(stage)
            wait_for(lambda least=stage: _count(out) >= least * LINES, 60, "a stage arrives")  # type: ignore[misc]
        assert worker.stop() == 0
    # Two rotations without the worker: of its last file one is compressed, and the other is not.
    for stage in (3, 4):
        writer.write(stage)
    wait_for(writer.compressed, 20, "the kubelet compresses")
    (tmp_path / "go/5").touch()
    with Worker(given, tmp_path / "errors") as worker:
        wait_for(lambda: _count(out) >= STAGES * LINES, 90, "all stages arrive")
        kubelet.remove(writer.name)
        wait_for(lambda: not kubelet.pod(writer.name), 30, "the pod is gone")
        wait_for(lambda: _count(out) > STAGES * LINES, 30, "the last words arrive")
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
