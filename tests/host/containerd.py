"""A private containerd, driven by `ctr`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.demo.image import NoBusybox, archive, find_busybox, image_id
from tests.host.daemon import (
    Daemon,
    HostUnavailable,
    answers,
    need_root,
    run,
    session_name,
    wait_until,
)
from tests.host.handle import ContainerHandle, Network

IMAGE = "localhost/agent-test:1"


def test_image() -> bytes:
    """The archive of the image all the fixtures run."""
    try:
        return archive(find_busybox(), IMAGE)
    except NoBusybox as error:
        raise HostUnavailable(str(error)) from None


test_image.__test__ = False  # type: ignore[attr-defined]


class ContainerdHost:
    """containerd without the CRI plugin. Containers are in a namespace of this session's own: the
    runc state (/run/containerd/runc/NAMESPACE) and the cgroup (/NAMESPACE/ID) are shared by all
    containerds of a machine, and only the namespace keeps two sessions apart."""

    runtime = "containerd"

    def __init__(self, directory: Path) -> None:
        need_root("containerd", "ctr", "containerd-shim-runc-v2", "runc")
        data = test_image()
        self.root = directory / "containerd"
        """`root` of its config: meta.db, snapshots, content."""
        self.state = directory / "containerd-run"
        """`state` of its config: the bundles are in io.containerd.runtime.v2.task/NAMESPACE/ID."""
        self.socket = directory / "containerd.sock"
        self.namespace = session_name(directory)
        self.image = IMAGE
        self.image_id = image_id(data)
        self._logs = directory / "ctr-logs"
        self._logs.mkdir()
        self._names: list[str] = []
        config = directory / "containerd.toml"
        config.write_text(
            "version = 2\n"
            f'root = "{self.root}"\n'
            f'state = "{self.state}"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            "[grpc]\n"
            f'address = "{self.socket}"\n'
        )
        self.daemon = Daemon(["containerd", "--config", str(config)], directory / "containerd.log")
        self.daemon.await_answer(
            lambda: (
                self.socket.exists() and answers(["ctr", "--address", str(self.socket), "version"])
            )
        )
        archive_path = directory / "image.tar"
        archive_path.write_bytes(data)
        self.cli("image", "import", str(archive_path))

    def run(
        self,
        name: str,
        argv: Sequence[str],
        *,
        memory: int | None = None,
        cpus: float | None = None,
        network: Network = "none",
        labels: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> ContainerHandle:
        log = self._logs / f"{name}.log"
        args = ["run", "--detach", "--log-uri", f"file://{log}", *options]
        if memory is not None:
            args += ["--memory-limit", str(memory)]
        if cpus is not None:
            args += ["--cpus", str(cpus)]
        if network == "host":
            args += ["--net-host"]
        for key, value in (labels or {}).items():
            args += ["--label", f"{key}={value}"]
        self._names.append(name)
        self.cli(*args, self.image, name, *argv)
        pid = self._task(name)[0]
        return ContainerHandle(id=name, name=name, pid=pid, image=self.image, log_path=str(log))

    def remove(self, name: str) -> None:
        if name in self._names:
            self._names.remove(name)
        if self._task(name)[1] == "RUNNING":
            self.cli("task", "kill", "--signal", "SIGKILL", name)
            wait_until(lambda: self._task(name)[1] != "RUNNING", 10, f"{name} stopped")
        if self._task(name)[1]:
            self.cli("task", "delete", name)
        self.cli("container", "delete", name)

    def cli(self, *args: str) -> str:
        return run(["ctr", "--address", str(self.socket), "--namespace", self.namespace, *args])

    def close(self) -> None:
        """Remove what is left and end the daemon."""
        for name in list(self._names):
            self.remove(name)
        self.daemon.stop()

    def _task(self, name: str) -> tuple[int, str]:
        """(pid, status) of a container's task; (0, "") without one."""
        for line in self.cli("task", "list").splitlines():
            words = line.split()
            if words and words[0] == name:
                return int(words[1]), words[2]
        return 0, ""
