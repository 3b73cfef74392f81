"""Namespaces, mounts, devices: what of the host the container shares or reaches."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable

from agent.security.check import PASSED, Rule, Verdict, failed, fails_if, unknown
from agent.security.facts import Facts
from agent.security.hostmounts import HostMount

_UNREADABLE_MOUNTS = "neither its mount table nor its OCI bundle could be read"
_SENSITIVE = re.compile(
    r"/(?:boot|dev|etc|lib|lib64|bin|sbin|usr|home|run|var|var/lib|var/log)?\Z"
    r"|/(?:proc|sys|root|lib/modules|etc/kubernetes|etc/ssh|var/lib/kubelet|var/lib/etcd)(?:/.*)?\Z"
    r"|/etc/(?:passwd|shadow|group|gshadow|sudoers|sudoers\.d|crontab|cron\.[a-z]+)\Z"
    r"|/var/lib/(?:docker|containerd|containers|rancher)(?:/.*)?\Z"
)
"""Directories of the host's whose content runs it, or holds its secrets."""
_SOCKET = re.compile(
    r"(?:docker|containerd|crio|podman|cri-dockerd|buildkitd|dockershim)\.sock(?:\.ttrpc)?\Z"
)


_SHM = "/dev/shm"  # noqa: S108 a name to compare with


def shared_namespace(name: str, what: str) -> Rule:
    """The check that the container is not in the host's namespace `name`."""

    def rule(facts: Facts) -> Verdict:
        return fails_if(
            facts.shares(name),
            f"its {name} namespace is the host's: it {what}",
            "another namespace than the runtime's is declared; telling whose takes CAP_SYS_PTRACE"
            if facts.spec is not None
            else "needs CAP_SYS_PTRACE or the OCI bundle",
        )

    return rule


def host_path(facts: Facts) -> Verdict:
    return _mounts(facts, lambda mount: not _is_device(mount))


def sensitive_mount(facts: Facts) -> Verdict:
    return _mounts(facts, lambda mount: _SENSITIVE.match(mount.source) is not None)


def runtime_socket(facts: Facts) -> Verdict:
    if facts.mounts is None:
        return unknown(_UNREADABLE_MOUNTS)
    reached = []
    for mount in facts.mounts:
        if _SOCKET.match(posixpath.basename(mount.source)):
            reached.append(str(mount))
            continue
        prefix = f"{mount.source.rstrip('/')}/"
        reached += [
            f"{path} through {mount}" for path in facts.host.sockets if path.startswith(prefix)
        ]
    return failed("; ".join(reached)) if reached else PASSED


def shared_propagation(facts: Facts) -> Verdict:
    return _mounts(facts, lambda mount: mount.shared)


def host_devices(facts: Facts) -> Verdict:
    if facts.spec is None:
        return unknown("needs the OCI bundle")
    devices = [*facts.spec.devices, *(m.source for m in facts.mounts or () if _is_device(m))]
    if facts.spec.all_devices:
        return failed("every device of the host may be used")
    return failed(_listed(dict.fromkeys(devices))) if devices else PASSED


def writable_rootfs(facts: Facts) -> Verdict:
    return fails_if(None if facts.read_only is None else not facts.read_only, "/ is mounted rw")


def _mounts(facts: Facts, bad: Callable[[HostMount], bool]) -> Verdict:
    if facts.mounts is None:
        return unknown(_UNREADABLE_MOUNTS)
    found = [str(mount) for mount in facts.mounts if bad(mount)]
    return failed(_listed(found)) if found else PASSED


def _is_device(mount: HostMount) -> bool:
    return mount.source.startswith("/dev/") and not mount.source.startswith(_SHM)


def _listed(items: Iterable[str]) -> str:
    found = list(items)
    shown = "; ".join(found[:5])
    return shown if len(found) <= 5 else f"{shown} and {len(found) - 5} more"
