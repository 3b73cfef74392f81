"""Real runtimes rotate real logs while a real log worker reads them: nothing is lost.

Docker      json-file with max-file 1 (unlink and a new file), 3, and 3 compressed; the local driver
containerd  renamed, reopened through the CRI, compressed, as the kubelet does
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.config import Config, HostPaths, LogsConfig
from agent.file_destination import FileDestination
from agent.logs.handover import worker_input
from tests.host.cri import CriHost
from tests.host.docker import DockerHost
from tests.log_host import Worker, shipped, wait_for

LINES = 12_000
COUNT = f"i=0; while [ $i -lt {LINES} ]; do echo line $i {'x' * 40}; i=$((i+1)); "
LOOP = COUNT + "[ $((i % 400)) -eq 0 ] && sleep 0.1; done; "
PACED = LOOP + "printf 'last words'"
"""As fast as a shell writes, with pauses: with max-file 1 Docker deletes what it rotates at once,
so each file must live long enough to be opened."""
TOLD = f"trap 'printf \"last words\"; exit' TERM; {LOOP}while :; do sleep 0.1; done"
"""The same, and its end only when it is told: only a running container's log can be reopened."""


@dataclass
class Output:
    """What the file destination got of one container: the runtime may have others' logs too."""

    path: Path
    key: str
    name: str

    def records(self) -> list[dict[str, object]]:
        return [record for record in shipped(self.path) if record.get(self.key) == self.name]

    def texts(self, stream: str = "stdout") -> list[str]:
        return [str(record["log"]) for record in self.records() if record["stream"] == stream]


def start(tmp_path: Path, paths: HostPaths, key: str, name: str) -> tuple[Output, bytes]:
    (tmp_path / "proc").mkdir()
    out = Output(tmp_path / "out.jsonl", key, name)
    config = Config(paths=paths, logs=LogsConfig(state=str(tmp_path / "state")))
    return out, worker_input(config, FileDestination(path=str(out.path)))


@pytest.mark.host
@pytest.mark.parametrize(
    ("driver", "options"),
    [
        ("json-file", ["max-size=100k", "max-file=1"]),
        ("json-file", ["max-size=100k", "max-file=3"]),
        ("json-file", ["max-size=100k", "max-file=3", "compress=true"]),
        ("local", ["max-size=100k", "max-file=3"]),
        ("local", ["max-size=100k", "max-file=3", "compress=false"]),
    ],
    ids=["one", "three", "three-gz", "local-gz", "local"],
)
def test_every_line_arrives_through_dockers_rotation(
    docker_host: DockerHost, tmp_path: Path, driver: str, options: list[str]
) -> None:
    name = "rotation-" + "-".join([driver, *options]).replace("=", "-")
    out, given = start(
        tmp_path,
        HostPaths(
            docker=(str(docker_host.root),),
            proc=str(tmp_path / "proc"),
            pod_logs=str(tmp_path / "pods"),
        ),
        "container_name",
        name,
    )
    with Worker(given, tmp_path / "errors") as worker:
        wait_for(lambda: worker.stats is not None, 10, "the worker runs")
        arguments = ["--log-driver", driver]
        for option in options:
            arguments += ["--log-opt", option]
        docker_host.run(name, ["/bin/sh", "-c", PACED], options=arguments)
        try:
            wait_for(lambda: len(out.texts()) >= LINES, 90, "the whole lines arrive")
        finally:
            docker_host.remove(name)
        wait_for(lambda: len(out.texts()) > LINES, 30, "the last words arrive when it is gone")
        assert worker.stop() == 0
        assert worker.stats is not None
        assert [c.lost for c in worker.stats.containers if c.name == name] == [{}]
    assert out.texts() == [*(f"line {n} {'x' * 40}" for n in range(LINES)), "last words"]


@pytest.mark.host
def test_every_line_of_a_pod_arrives_through_a_kubelets_rotation(
    any_cri_host: CriHost, tmp_path: Path
) -> None:
    """Rename, ReopenContainerLog through the CRI, and gzip of what was rotated before."""
    cri_host = any_cri_host
    out, given = start(
        tmp_path,
        HostPaths(
            docker=(str(tmp_path / "docker"),),
            containerd=(str(cri_host.root),),
            proc=str(tmp_path / "proc"),
            pod_logs=str(cri_host.pod_logs),
        ),
        "pod",
        "rotated",
    )
    pod = cri_host.run_pod("rotated")
    with Worker(given, tmp_path / "errors") as worker:
        wait_for(lambda: worker.stats is not None, 10, "the worker runs")
        container = cri_host.start(pod, "app", ["/bin/sh", "-c", TOLD])
        log = Path(container.log_path)
        try:
            links = cri_host.pod_logs.parent / "containers"
            links.mkdir(exist_ok=True)
            link = links / f"rotated_test_app-{container.id}.log"
            link.symlink_to(log)  # as the kubelet does: it names the container's id
            for rotation in range(6):
                goal = LINES * (rotation + 1) // 8
                wait_for(lambda least=goal: len(out.texts()) >= least, 60, f"{goal} lines")  # type: ignore[misc]
                rotate(cri_host, container.id, log, rotation)
            wait_for(lambda: len(out.texts()) >= LINES, 60, "the whole lines arrive")
            cri_host.stop(container.id, grace=10)
            wait_for(lambda: cri_host.exited(container.id) is not None, 20, "it ends")
        finally:
            cri_host.remove(pod)
        wait_for(lambda: len(out.texts()) > LINES, 30, "the last words arrive when it is gone")
        assert worker.stop() == 0
        assert worker.stats is not None
        assert {c.pod: c.lost for c in worker.stats.containers}["rotated"] == {}
    assert out.texts() == [*(f"line {n} {'x' * 40}" for n in range(LINES)), "last words"]
    assert {record["image"] for record in out.records()} == {cri_host.image}


def rotate(host: CriHost, id_: str, log: Path, number: int) -> None:
    for old in sorted(log.parent.glob(f"{log.name}.*")):
        if old.suffix != ".gz":
            packed = old.with_name(old.name + ".tmp")
            packed.write_bytes(gzip.compress(old.read_bytes(), 1))
            packed.rename(old.with_name(old.name + ".gz"))
            old.unlink()
    log.rename(f"{log}.20261124-{number:06d}")
    host.reopen_log(id_)
