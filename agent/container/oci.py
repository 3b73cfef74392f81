"""An OCI bundle's config.json: what the runtime was told to run.

Spec    https://github.com/opencontainers/runtime-spec/blob/main/config.md

    {"ociVersion":"1.2.1","process":{"args":["sh","-c","…"],…},"root":{"path":"rootfs"},
     "mounts":[{"destination":"/etc/hosts","type":"bind","source":"/etc/hosts"},…],
     "annotations":{"io.kubernetes.cri.container-name":"app",…},
     "linux":{"cgroupsPath":"/kubepods/burstable/pod…/ed4264cf…",…}}

process.env is not kept: it holds secrets.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.container.statefile import (
    as_object,
    child,
    objects,
    parse_json,
    read_bytes,
    strings,
    text,
    texts,
)
from agent.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The parts of config.json we use. Text that is not there is ""."""

    annotations: Mapping[str, str]
    root: str
    """root.path: absolute, or relative to the bundle's directory."""
    mounts: tuple[tuple[str, str], ...]
    """(source, destination); source is "" where a mount has none."""
    hostname: str
    args: tuple[str, ...]
    cgroups_path: str
    """linux.cgroupsPath: a path (cgroupfs driver) or "slice:prefix:name" (systemd driver)."""

    @property
    def cgroup_name(self) -> str:
        """The last segment of the container's cgroup; "" where the bundle leaves the choice."""
        parts = self.cgroups_path.split(":")
        if len(parts) == 3:
            prefix, name = parts[1], parts[2]
            return name if name.endswith(".slice") else f"{prefix}-{name}.scope"
        return self.cgroups_path.rstrip("/").rpartition("/")[2]


def read_bundle(directory: str) -> Bundle | None:
    """The bundle in `directory`. None where absent. Raises `Denied`, `UnreadableState`."""
    path = f"{directory}/config.json"
    data = read_bytes(path)
    return None if data is None else parse_bundle(data, path)


def parse_bundle(data: bytes, path: str) -> Bundle:
    """Parse config.json; whatever is not of the spec's type counts as not there."""
    config = as_object(parse_json(data, path), path)
    return Bundle(
        annotations=texts(config, "annotations"),
        root=text(child(config, "root"), "path"),
        mounts=tuple(
            (text(mount, "source"), text(mount, "destination"))
            for mount in objects(config, "mounts")
        ),
        hostname=text(config, "hostname"),
        args=strings(child(config, "process"), "args"),
        cgroups_path=text(child(config, "linux"), "cgroupsPath"),
    )
