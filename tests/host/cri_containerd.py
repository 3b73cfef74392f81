"""A private containerd with CRI, of one version: what drives its pods is in cri.py."""

from __future__ import annotations

import os
from pathlib import Path

from tests.host.cni import PodNetwork
from tests.host.cri_engine import PAUSE, Images, images, is_answering
from tests.host.daemon import Daemon, answers, need_root, run, wait_until
from tests.host.grpc import Channel
from tests.host.protobuf import Message


class ContainerdEngine:
    """One containerd, its images loaded."""

    runtime = "containerd"

    def __init__(self, directory: Path, bin_directory: Path | None = None) -> None:
        """
        `bin_directory` has containerd, ctr and the shim; None takes the installed ones.

        Raises `HostUnavailable`.
        """
        need_root("runc", *(() if bin_directory else ("containerd", "ctr")))
        path = os.environ["PATH"]
        prefix = f"{bin_directory}/" if bin_directory else ""
        self._ctr = f"{prefix}ctr"
        version = run([f"{prefix}containerd", "--version"]).split()[2]
        self.name = f"cri-{version.partition('~')[0].partition('+')[0]}"
        self.root = directory / self.name
        self._state = directory / f"{self.name}-run"
        self.socket = directory / f"{self.name}.sock"
        self._directory = directory / f"{self.name}-files"
        self._directory.mkdir()
        self.network = PodNetwork(self._directory / "cni")
        config = self._directory / "containerd.toml"
        config.write_text(self._config())
        # The shim is looked for along PATH, and has to be of the same version.
        environment = {**os.environ, "PATH": f"{bin_directory}:{path}" if bin_directory else path}
        self._daemon = Daemon(
            [f"{prefix}containerd", "--config", str(config)],
            directory / f"{self.name}.log",
            environment,
        )
        self._daemon.await_answer(
            lambda: self.socket.exists() and answers([*self._client(), "version"]), 30
        )
        self.channel = Channel(self.socket)
        self._daemon.await_answer(lambda: is_answering(self.channel), 30)
        self.images = self._load()

    def pid(self, id_: str) -> int | None:
        """The first process of a container or sandbox; None where it has ended."""
        # The bundle of a container that has ended already is gone.
        state = self._state / "io.containerd.runtime.v2.task" / "k8s.io" / id_ / "init.pid"
        return int(state.read_text()) if state.exists() else None

    def close(self) -> None:
        """End the daemon."""
        self.channel.close()
        self._daemon.stop()
        self.network.close()

    def _config(self) -> str:
        cri = 'plugins."io.containerd.grpc.v1.cri"'
        # Snapshotters that need what a test machine may not have; NRI's socket and /opt/containerd
        # are the machine's.
        off = [f"io.containerd.snapshotter.v1.{name}" for name in ("btrfs", "zfs", "devmapper")]
        off += ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.blockfile"]
        off += ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
        return (
            "version = 2\n"
            f'root = "{self.root}"\n'
            f'state = "{self._state}"\n'
            f"disabled_plugins = {off}\n"
            "[grpc]\n"
            f'address = "{self.socket}"\n'
            f"[{cri}]\n"
            f'sandbox_image = "{PAUSE}"\n'
            "disable_apparmor = true\n"
            # Scores below the machine's own need CAP_SYS_RESOURCE.
            "restrict_oom_score_adj = true\n"
            "netns_mounts_under_state_dir = true\n"
            f"[{cri}.cni]\n"
            f'bin_dir = "{self.network.plugins}"\n'
            f'conf_dir = "{self.network.configuration}"\n'
            f"[{cri}.containerd.runtimes.runc]\n"
            'runtime_type = "io.containerd.runc.v2"\n'
            f"[{cri}.containerd.runtimes.runc.options]\n"
            "SystemdCgroup = false\n"
            # runc's state is in the session's directory, so that sweeping that is enough.
            f'Root = "{self._directory / "runc"}"\n'
        )

    def _load(self) -> Images:
        made = images()
        for reference, data in made.archives.items():
            file = self._directory / "image.tar"
            file.write_bytes(data)
            run([*self._client(), "--namespace", "k8s.io", "image", "import", str(file)])
            # CRI hears of an image from containerd, a moment later.
            wait_until(lambda name=reference: self._has_image(name), 20, reference)  # type: ignore[misc]
        return made

    def _has_image(self, reference: str) -> bool:
        request: Message = {1: {1: reference}}
        return 1 in self.channel.call("/runtime.v1.ImageService/ImageStatus", request)

    def _client(self) -> list[str]:
        return [self._ctr, "--address", str(self.socket)]
