"""What a cgroup's path alone says: which runtime, which container, which pod.

Pure. Works the path segment by segment, never by searching anywhere in the text; the innermost
match wins (a kind node's pods, Docker in Docker), and what is below a container belongs to it.

    /docker/7f540f6c…                                                Docker, cgroupfs driver
    /system.slice/docker-7f540f6c….scope                             Docker, systemd driver
    /kubepods/burstable/pod599e16b6-1bf2-…/7f540f6c…                 Kubernetes; runtime not said
    /kubepods.slice/…-pod599e16b6_1bf2_….slice/cri-containerd-….scope
    /libpod_parent/libpod-7f540f6c…                                  Podman
    /lxc.payload.web, /machine.slice/systemd-nspawn@web.service      by name
    /default/any-text                                                ctr: says nothing (OTHER)
"""

from __future__ import annotations

import enum
import re

from agent.records import NamedTuple

_ID = r"(?P<id>[0-9a-f]{64})"
_UID = (
    r"(?P<uid>[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}"
    r"|[0-9a-f]{32})"  # a static pod's: md5 of its manifest
)
_CONTAINER = re.compile(rf"(?:(?P<prefix>[a-z][a-z-]*?)[-:])?{_ID}(?:\.scope|\.service)?\Z")
# containerd with the cgroupfs driver under a kubelet with the systemd driver: all in one segment.
_COLONS = re.compile(rf"(?P<slice>[^:]*):(?P<prefix>[a-z][a-z-]*):{_ID}\Z")
_POD = re.compile(rf"(?P<parents>(?:[^-]+-)*?)pod{_UID}(?:\.slice)?\Z")
_NSPAWN_UNIT = re.compile(r"systemd-nspawn@(?P<name>.+)\.service\Z")
_MACHINE_SCOPE = re.compile(r"machine-(?P<name>.+)\.scope\Z")
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")

_RUNTIMES = {
    "docker": "docker",
    "cri-containerd": "containerd",
    "containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "cri-o",
    "libpod": "podman",
    "libpod-payload": "podman",  # --cgroups=split, as Quadlet's: inside the service's own cgroup
    "podman": "podman",
    "runc": "runc",
    "crun": "crun",
}
_SUPERVISORS = frozenset({"crio-conmon", "libpod-conmon"})


class CgroupKind(enum.Enum):
    """What a cgroup is, going by its path."""

    CONTAINER = "container"
    POD = "pod"
    SUPERVISOR = "supervisor"
    """conmon or an LXC monitor: beside a container, not part of it."""
    OTHER = "other"
    """Says nothing: a slice, a service, or a container whose id is free text (ctr, runc, crun)."""


class CgroupIdentity(NamedTuple):
    """What the path says. None: it does not say."""

    kind: CgroupKind
    runtime: str | None = None
    """Also "machine": a virtual machine registered with systemd-machined, no container."""
    id: str | None = None
    pod_uid: str | None = None
    """With dashes; 32 hex digits without for a static pod."""
    qos: str | None = None
    """guaranteed, burstable, besteffort; None outside Kubernetes."""
    nested_in: str | None = None
    """Id of the outermost container the path goes through before this one."""
    below: str = ""
    """The part of the path below the container or pod: not "" for a cgroup inside it."""


OTHER = CgroupIdentity(CgroupKind.OTHER)


def identify(path: str) -> CgroupIdentity:
    """Read the path of a cgroup as /proc/PID/cgroup writes it, also from a private namespace."""
    segments = [segment for segment in path.split("/") if segment not in ("", "..")]
    found, end = OTHER, 0
    for index, segment in enumerate(segments):
        match = _segment(segment, segments, index, found)
        if match is not None:
            found, end = match._replace(nested_in=_outermost(found)), index + 1
    if found is OTHER:
        return OTHER
    return found._replace(below="/".join(segments[end:]))


def service_unit(path: str) -> str:
    """
    The systemd unit whose whole cgroup `path` is; "" for what is none.

    A service right below slices: services of a user's own systemd are part of that user's
    user@UID.service, and those inside a container part of the container.
    """
    *above, unit = [segment for segment in path.split("/") if segment] or [""]
    if not unit.endswith(".service") or not all(segment.endswith(".slice") for segment in above):
        return ""
    return unit if above and identify(path) is OTHER else ""


def _outermost(above: CgroupIdentity) -> str | None:
    return above.nested_in or (above.id if above.kind is CgroupKind.CONTAINER else None)


def _segment(
    segment: str, segments: list[str], index: int, above: CgroupIdentity
) -> CgroupIdentity | None:
    """What this segment adds to what the segments above it said. None: nothing."""
    before = segments[index - 1] if index else ""
    if match := _COLONS.match(segment):
        pod = _POD.match(match["slice"])
        outer = _pod(pod, before) if pod else above
        return _container(match["prefix"], match["id"], before, outer)
    if match := _CONTAINER.match(segment):
        after = segments[index + 1] if index + 1 < len(segments) else ""
        if not match["prefix"] and (after.startswith("libpod-") or before == "libpod_parent"):
            return None  # Podman's pod: the id is the pod's, not a container's
        grandparent = segments[index - 2] if index > 1 else ""
        return _container(match["prefix"], match["id"], before, above, grandparent)
    if match := _POD.match(segment):
        return _pod(match, before)
    if above.kind is CgroupKind.OTHER:
        return _by_name(segment, before, index)
    return None


def _container(
    prefix: str | None, id_: str, before: str, above: CgroupIdentity, grandparent: str = ""
) -> CgroupIdentity | None:
    if prefix in _SUPERVISORS:
        return above._replace(kind=CgroupKind.SUPERVISOR, runtime=None, id=id_)
    if prefix is None:
        runtime = "docker" if before == "docker" or grandparent == "ecs" else None
    elif prefix in _RUNTIMES:
        runtime = _RUNTIMES[prefix]
    else:
        return None  # machine-libpod_pod_ID.slice, buildkit's, anything that only ends like an id
    return above._replace(kind=CgroupKind.CONTAINER, runtime=runtime, id=id_)


def _pod(match: re.Match[str], before: str) -> CgroupIdentity:
    qos = "guaranteed"
    for level in ("burstable", "besteffort"):
        if f"{level}-" in match["parents"] or before == level:
            qos = level
    return CgroupIdentity(CgroupKind.POD, pod_uid=match["uid"].replace("_", "-"), qos=qos)


def _by_name(segment: str, before: str, index: int) -> CgroupIdentity | None:
    """Containers known by a name in the path: LXC, systemd-nspawn, systemd-machined."""
    if segment.startswith("lxc.monitor.") or before == "lxc.monitor":
        return CgroupIdentity(CgroupKind.SUPERVISOR)
    name = segment.removeprefix("lxc.payload.")
    if name != segment or before == "lxc.payload" or (before == "lxc" and index == 1):
        return _named("lxc", name)
    if match := _NSPAWN_UNIT.match(segment):
        return _named("systemd-nspawn", match["name"])
    if match := _MACHINE_SCOPE.match(segment):
        name = _unescape(match["name"])
        return _named("machine" if name.startswith("qemu-") else "systemd-nspawn", name)
    return None


def _named(runtime: str, name: str) -> CgroupIdentity | None:
    name = _unescape(name)
    return CgroupIdentity(CgroupKind.CONTAINER, runtime=runtime, id=name) if name else None


def _unescape(name: str) -> str:
    """Undo systemd's escapes of a unit name: "web\\x2d1" → "web-1"."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), name)
