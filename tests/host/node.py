"""A Docker container with a containerd in it, as kind's node: what its containers are made with.

Its /usr is the machine's, which has the programs; its /run, /var and cgroup namespace are its own.
"""

from __future__ import annotations

from typing import Final

from tests.host.containerd import IMAGE, test_image
from tests.host.daemon import answers, run, wait_until

INNER: Final = "5c" * 32
"""The id of the one container in the node, of the form that CRI's have."""
POD_UID: Final = "599e16b6-1bf2-4a41-9d0c-7e2f00c0ffee"
POD_CGROUP: Final = f"/kubelet/kubepods/burstable/pod{POD_UID}/{INNER}"
"""Below the node's own."""
OWN_FILES: Final = (
    *("--volume=/usr:/usr:ro", "--volume=/usr/lib:/lib:ro", "--volume=/usr/lib64:/lib64:ro"),
    *("--tmpfs=/run:exec", "--tmpfs=/var:exec", "--env=PATH=/usr/sbin:/usr/bin:/bin"),
)
_SLEEP: Final = ("/bin/sleep", "1000")
_TOLD: Final = {
    "container-type": "container",
    "container-name": "app",
    "sandbox-name": "web-0",
    "sandbox-namespace": "shop",
    "sandbox-uid": POD_UID,
}


class Node:
    """The containerd in a container that runs."""

    def __init__(
        self,
        pid: int,
        address: str = "/run/containerd/containerd.sock",
        snapshotter: str = "overlayfs",
    ) -> None:
        """pid: containerd's. Returns when it answers; raises TimeoutError."""
        # ctr mounts and makes pipes itself, so it has to be where its containerd is.
        inside = ["nsenter", "--target", str(pid), "--mount", "--pid", "--root"]
        self._ctr = [*inside, "ctr", "--address", address]
        self._snapshotter = f"--snapshotter={snapshotter}"
        wait_until(lambda: answers([*self._ctr, "version"]), 30, "the containerd in the node")

    def run(self, namespace: str, *options: str) -> str:
        """Load the image and start the container; return the image's name."""
        ctr = [*self._ctr, "--namespace", namespace]
        run([*ctr, "images", "import", self._snapshotter, "-"], data=test_image())
        image = next(name for name in run([*ctr, "images", "ls", "-q"]).split() if IMAGE in name)
        run([*ctr, "run", "--detach", self._snapshotter, *options, image, INNER, *_SLEEP])
        return image

    def run_pods(self) -> str:
        """The same, as a kubelet has the container of a pod started."""
        told = (f"--annotation=io.kubernetes.cri.{key}={value}" for key, value in _TOLD.items())
        return self.run("k8s.io", f"--cgroup={POD_CGROUP}", *told)

    def kill(self, namespace: str) -> None:
        """End the container's process by SIGKILL."""
        kill = ("tasks", "kill", "--signal", "SIGKILL", INNER)
        run([*self._ctr, "--namespace", namespace, *kill])
