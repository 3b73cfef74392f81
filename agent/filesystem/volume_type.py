"""What kind of volume a mount is, told from where it is on the host.

    /var/lib/kubelet/pods/UID/volumes/kubernetes.io~empty-dir/NAME             emptyDir
    /var/lib/kubelet/pods/UID/volumes/kubernetes.io~csi/PV/mount               pvc
    /var/lib/kubelet/pods/UID/volume-subpaths/NAME/CONTAINER/0                 subpath
    /var/lib/docker/volumes/NAME/_data                                         docker
    /var/lib/containers/storage/volumes/NAME/_data                             podman

The kubelet's root directory, Docker's data root and Podman's may be anywhere, so only the end of
the path counts.
"""

from __future__ import annotations

import re
from typing import Final

from agent.records import NamedTuple

_PLUGINS: Final = {
    "empty-dir": "emptyDir",
    "configmap": "configMap",
    "secret": "secret",
    "projected": "projected",
    "downward-api": "downwardAPI",
    "host-path": "hostPath",
    "git-repo": "gitRepo",
}
"""Any other plugin (csi, nfs, aws-ebs, local-volume …) holds a persistent volume."""

OWNED: Final = frozenset(
    {
        "emptyDir",
        "configMap",
        "secret",
        "projected",
        "downwardAPI",
        "gitRepo",
        "subpath",
        "docker",
        "podman",
    }
)
"""Types whose directory is the volume's own: worth walking where the filesystem is shared."""

_KUBELET = re.compile(r"/pods/[^/]+/volumes/kubernetes\.io~(?P<plugin>[^/]+)/(?P<name>[^/]+)")
_SUBPATH = re.compile(r"/pods/[^/]+/volume-subpaths/(?P<name>[^/]+)/")
_NAMED = re.compile(r"/volumes/(?P<name>[^/]+)/_data(/|$)")


class VolumeName(NamedTuple):
    """What a volume is called and what it is."""

    type: str
    """emptyDir, configMap, secret, projected, downwardAPI, gitRepo, hostPath, pvc, subpath,
    docker, podman, tmpfs, bind."""
    name: str


def classify(source: str, fs_type: str, *, in_pod: bool) -> VolumeName:
    """
    Name the volume whose directory on the host is `source`.

    A tmpfs is the container's own unless its mount on the host says otherwise; `source` is then ""
    or the mount point on the host. in_pod: a bind mount is called hostPath there.
    """
    if match := _KUBELET.search(source):
        return VolumeName(_PLUGINS.get(match["plugin"], "pvc"), match["name"])
    if match := _SUBPATH.search(source):
        return VolumeName("subpath", match["name"])
    if match := _NAMED.search(source):
        return VolumeName("podman" if "/storage/volumes/" in source else "docker", match["name"])
    if fs_type == "tmpfs":
        return VolumeName("tmpfs", source)
    return VolumeName("hostPath" if in_pod else "bind", source)
