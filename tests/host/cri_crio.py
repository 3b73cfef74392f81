"""A private CRI-O: what drives its pods is in cri.py.

Debian has no package of it: where `crio` and `pinns` are found on PATH these run. Its images are
loaded by Podman, which keeps them in the same kind of store.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.host.cni import PodNetwork
from tests.host.cri_engine import PAUSE, Images, images, is_answering
from tests.host.daemon import Daemon, need_root, run
from tests.host.grpc import Channel


class CrioEngine:
    """One CRI-O with the cgroupfs driver, its images loaded."""

    runtime = "cri-o"

    def __init__(self, directory: Path, *, infra: bool = True) -> None:
        """
        infra: each sandbox has a process, as in containerd. By its default CRI-O starts none, and
        the sandbox's cgroup stays empty. Raises `HostUnavailable`.
        """
        need_root("crio", "pinns", "conmon", "runc", "podman")
        self.name = "crio" if infra else "crio-default"
        self.root = directory / self.name
        self._infra = infra
        self._run = directory / f"{self.name}-run"
        self._directory = directory / f"{self.name}-files"
        self._directory.mkdir()
        self._socket = directory / f"{self.name}.sock"
        self.network = PodNetwork(self._directory / "cni")
        (self._directory / "policy.json").write_text(
            json.dumps({"default": [{"type": "insecureAcceptAnything"}]})
        )
        self.images = self._load()
        config = self._directory / "crio.conf"
        config.write_text(self._config())
        argv = ["crio", "--config", str(config), "--config-dir", ""]
        self._daemon = Daemon(argv, directory / f"{self.name}.log")
        self._daemon.await_answer(self._socket.exists, 30)
        self.channel = Channel(self._socket)
        self._daemon.await_answer(lambda: is_answering(self.channel), 30)

    def pid(self, id_: str) -> int | None:
        """The first process of a container or sandbox; None where it has ended."""
        file = self._run / "overlay-containers" / id_ / "userdata/pidfile"
        if not file.exists():
            return None
        pid = int(file.read_text())
        return pid if Path(f"/proc/{pid}").exists() else None

    def close(self) -> None:
        """End the daemon."""
        self.channel.close()
        self._daemon.stop()
        self.network.close()

    def _config(self) -> str:
        files = self._directory
        return (
            "[crio]\n"
            f'root = "{self.root}"\n'
            f'runroot = "{self._run}"\n'
            'storage_driver = "overlay"\n'
            f'log_dir = "{files}/log"\n'
            f'version_file = "{files}/version"\n'
            f'version_file_persist = "{files}/version-persist"\n'
            f'clean_shutdown_file = "{files}/clean"\n'
            "[crio.api]\n"
            f'listen = "{self._socket}"\n'
            "[crio.runtime]\n"
            'cgroup_manager = "cgroupfs"\n'
            'conmon_cgroup = "pod"\n'
            'default_runtime = "runc"\n'
            f"drop_infra_ctr = {str(not self._infra).lower()}\n"
            f'namespaces_dir = "{files}/namespaces"\n'
            f'container_exits_dir = "{files}/exits"\n'
            f'container_attach_socket_dir = "{files}/attach"\n'
            'apparmor_profile = "unconfined"\n'
            "[crio.runtime.runtimes.runc]\n"
            # runc's state is in the session's directory, so that sweeping that is enough.
            f'runtime_root = "{files}/runc"\n'
            "[crio.image]\n"
            # The image says what it runs.
            'pause_command = ""\n'
            f'pause_image = "{PAUSE}"\n'
            f'signature_policy = "{files}/policy.json"\n'
            "[crio.network]\n"
            f'network_dir = "{self.network.configuration}"\n'
            f'plugin_dirs = ["{self.network.plugins}"]\n'
            "[crio.nri]\n"
            "enable_nri = false\n"
        )

    def _load(self) -> Images:
        made = images()
        store = ["--root", str(self.root), "--runroot", str(self._run), "--storage-driver=overlay"]
        for data in made.archives.values():
            file = self._directory / "image.tar"
            file.write_bytes(data)
            run(["podman", *store, "load", "--quiet", "--input", str(file)])
        return made
