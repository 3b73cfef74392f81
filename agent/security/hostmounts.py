"""What of the host's filesystem a container can reach: declared, and as its mount table has it.

Two sources, merged by destination:

    spec.mounts    what the runtime was told: source as written, options with propagation
    mountinfo      what is mounted now. Its `root` is a path inside a filesystem, which the host's
                   own table turns back into a path of the host. Also sees what a hook, a plugin or
                   somebody with nsenter mounted later.

What runtimes put into every container (resolv.conf, the pod's volumes, /dev/null) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from agent.container.container import Container
from agent.procfs.mountinfo import Mount
from agent.records import NamedTuple
from agent.security.spec import Spec

_INJECTED: Final = re.compile(
    r"/.+/containers/[0-9a-f]{64}/(?:resolv\.conf|hostname|hosts|mounts/shm|secrets|shm)\Z"
    r"|/.+-containers/[0-9a-f]{64}/userdata(?:/.*)?\Z"
    r"|/.+/io\.containerd\.grpc\.v1\.cri/(?:sandboxes|containers)/.*"
    r"|/.+/volumes/[^/]+/_data\Z"  # a named volume of Docker, Podman, nerdctl
    r"|/.+/nerdctl/[^/]+/(?:etchosts|containers)/.*"
    r"|/dev/(?:null|zero|full|random|urandom|tty|console|ptmx|pts/\d+)\Z"
)
_OWN_ETC: Final = ("/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/etc/localtime")
"""Files mounted under their own name so that the container resolves names as the host does."""
_OWN_PLACE: Final = ("/sys", "/sys/fs/cgroup", "/dev/shm", "/dev/mqueue")  # noqa: S108 names
"""Mounted where the host has them: by a rootless runtime, which may not mount sysfs and cgroups
anew, and along with the host's IPC namespace, which has a check of its own."""
_USUAL: Final = {
    "proc": ("/proc",),
    "sysfs": ("/sys",),
    "cgroup": ("/sys/fs/cgroup",),
    "cgroup2": ("/sys/fs/cgroup",),
    "devpts": ("/dev/pts", "/dev/console"),
    "mqueue": ("/dev/mqueue",),
}
"""File systems every container has, by where."""


ByDevice = Mapping[tuple[int, int], Sequence[Mount]]
"""The host's mount table, by (major, minor)."""


class HostMount(NamedTuple):
    """One path of the host's inside the container."""

    source: str
    """On the host; /var/run is written /run."""
    destination: str
    writable: bool
    shared: bool
    """Whether what is mounted below it on either side appears on the other."""

    def __str__(self) -> str:
        return f"{self.source} at {self.destination} ({'rw' if self.writable else 'ro'})"


def declared_mounts(spec: Spec, container: Container) -> tuple[HostMount, ...]:
    """The bind mounts of the spec that reach the host."""
    return tuple(
        HostMount(
            source=normal(mount.source),
            destination=mount.destination,
            writable="ro" not in mount.options,
            shared=not {"shared", "rshared"}.isdisjoint(mount.options),
        )
        for mount in spec.mounts
        if mount.is_bind and not _is_injected(mount.source, mount.destination, container)
    )


def effective_mounts(
    own: Sequence[Mount], host: ByDevice, spec: Spec | None, container: Container
) -> tuple[HostMount, ...]:
    """The mounts in the container's table that are directories or files of the host's."""
    return tuple(_effective(own, host, _not_binds(spec), container))


def merged(declared: Sequence[HostMount], effective: Sequence[HostMount]) -> tuple[HostMount, ...]:
    """Both; where both have a destination the declared source and the effective options count."""
    found = {mount.destination: mount for mount in effective}
    for mount in declared:
        now = found.get(mount.destination, mount)
        found[mount.destination] = mount._replace(
            writable=now.writable, shared=mount.shared or now.shared
        )
    return _without_submounts(sorted(found.values(), key=lambda mount: mount.destination))


def _without_submounts(mounts: Sequence[HostMount]) -> tuple[HostMount, ...]:
    """Leave out what came along below another mount (rbind): it is in reach through that one."""
    kept: list[HostMount] = []
    for mount in mounts:
        for above in kept:
            rest = _below(mount.destination, above.destination)
            if rest and mount.source == normal(f"{above.source.rstrip('/')}{rest}"):
                break
        else:
            kept.append(mount)
    return tuple(kept)


def normal(path: str) -> str:
    """/var/run is a link to /run on every distribution of today; no slash at the end."""
    path = path.rstrip("/") or "/"
    if path == "/var/run" or path.startswith("/var/run/"):
        return path.removeprefix("/var")
    return path


def _effective(
    own: Sequence[Mount],
    host: ByDevice,
    not_binds: frozenset[str],
    container: Container,
) -> Iterator[HostMount]:
    for mount in own:
        usual = _USUAL.get(mount.fs_type, ())
        if mount.mount_point == "/" or mount.mount_point in not_binds:
            continue
        if any(f"{mount.mount_point}/".startswith(f"{place}/") for place in usual):
            continue
        source = _on_host(mount, host)
        if source is None or _is_injected(source, mount.mount_point, container):
            continue
        yield HostMount(
            source=normal(source),
            destination=mount.mount_point,
            writable="ro" not in mount.options.split(","),
            shared=mount.peer_group is not None
            and any(mount.peer_group == other.peer_group for other in host[mount.device]),
        )


def _on_host(mount: Mount, host: ByDevice) -> str | None:
    """Where the host has this directory; None for a filesystem that only the container has."""
    best: Mount | None = None
    for candidate in host.get(mount.device, ()):
        if _below(mount.root, candidate.root) is None:
            continue
        # The one whose root is nearest. Of equals the first: later ones are binds of it.
        if best is None or len(candidate.root) > len(best.root):
            best = candidate
    if best is None:
        return None
    return f"{best.mount_point.rstrip('/')}{_below(mount.root, best.root)}" or "/"


def _below(path: str, directory: str) -> str | None:
    """The rest of `path` under `directory`, with a slash in front; "" for itself."""
    if directory == "/":
        return "" if path == "/" else path
    if path == directory:
        return ""
    return path[len(directory) :] if path.startswith(f"{directory}/") else None


def _not_binds(spec: Spec | None) -> frozenset[str]:
    """Where the runtime mounted something of the container's own."""
    if spec is None:
        return frozenset()
    return frozenset(mount.destination for mount in spec.mounts if not mount.is_bind)


def _is_injected(source: str, destination: str, container: Container) -> bool:
    if _INJECTED.match(source):
        return True
    if source == destination and source in (*_OWN_ETC, *_OWN_PLACE):
        return True
    uid = container.pod_uid
    return bool(uid) and f"/pods/{uid}/" in source
