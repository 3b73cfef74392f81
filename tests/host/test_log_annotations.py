"""What a real pod's annotations ask of the log worker is done, by containerds and CRI-O."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import Config, HostPaths, LogsConfig
from agent.file_destination import FileDestination
from agent.logs.handover import worker_input
from tests.host.cri import CriHost
from tests.host.daemon import wait_until
from tests.log_host import Worker, shipped

pytestmark = pytest.mark.host

ASKED = {
    "container-agent.logs/redact": "email",
    "container-agent.logs/app.multiline": "java",
    "container-agent.logs/proxy.exclude": "^GET /healthz HTTP/1\\.[01]$",
    "container-agent.logs/proxy.level": "loud",
    "team/pager": "shop",
}
APP = r"""
printf 'Exception in thread "main" java.lang.IllegalStateException: of jo@mail.example.org\n'
printf '\tat a.B.c(B.java:1)\n'
echo done
sleep 1000
"""
PROXY = r"""
echo 'GET /healthz HTTP/1.1'
echo 'GET /healthz HTTP/1.1 jo@mail.example.org'
printf 'x: Y\n\tat a.B.c(B.java:1)\n'
sleep 1000
"""


def test_a_pod_is_processed_as_its_annotations_ask(any_cri_host: CriHost, tmp_path: Path) -> None:
    host = any_cri_host
    (tmp_path / "proc").mkdir()
    out = tmp_path / "out.jsonl"
    paths = HostPaths(
        docker=(), containerd=(str(host.root),), podman=(str(host.root),),
        pod_logs=str(host.pod_logs), proc=str(tmp_path / "proc"),
    )  # fmt: skip
    config = Config(paths=paths, logs=LogsConfig(state=str(tmp_path / "state")))
    pod = host.run_pod("asking", pod_annotations=ASKED)
    links = host.pod_logs.parent / "containers"
    links.mkdir(exist_ok=True)
    made = []

    def records(of: str) -> list[dict[str, object]]:
        return [record for record in shipped(out) if record["container_name"] == of]

    try:
        for name, script in (("app", APP), ("proxy", PROXY)):
            handle = host.start(pod, name, ["/bin/sh", "-c", script])
            # The kubelet's, by which the id is known.
            link = links / f"asking_test_{name}-{handle.id}.log"
            link.symlink_to(handle.log_path)
            made.append(link)
        given = worker_input(config, FileDestination(path=str(out)))
        with Worker(given, tmp_path / "errors") as worker:
            wait_until(lambda: len(records("app")) >= 2, 30, "the app's two records")
            wait_until(lambda: len(records("proxy")) >= 3, 30, "the proxy's three")
            assert worker.stop() == 0
    finally:
        for link in made:
            link.unlink()
        host.remove(pod)
    trace, done = [record["log"] for record in records("app")]
    assert trace == (
        'Exception in thread "main" java.lang.IllegalStateException: of [redacted:email]\n'
        "\tat a.B.c(B.java:1)"
    )
    assert done == "done"
    assert [record["log"] for record in records("proxy")] == [
        "GET /healthz HTTP/1.1 [redacted:email]",
        "x: Y",
        "\tat a.B.c(B.java:1)",
    ]
    assert not [record for record in records("app") + records("proxy") if "level" in record]
    errors = (tmp_path / "errors").read_text()
    assert "annotation container-agent.logs/proxy.level: 'loud' is not one of on, off" in errors
    assert "pager" not in errors + out.read_text()
