"""What a container was declared to be: the security parts of its OCI bundle's config.json.

Spec    https://github.com/opencontainers/runtime-spec/blob/main/config.md and config-linux.md

    {"process":{"user":{"uid":0,"gid":0},"args":["sh"],"env":["PATH=/bin"],"noNewPrivileges":true,
                "capabilities":{"bounding":["CAP_CHOWN"],…},"apparmorProfile":"docker-default"},
     "root":{"path":"rootfs","readonly":true},
     "mounts":[{"destination":"/data","type":"bind","source":"/srv","options":["rbind","ro"]}],
     "linux":{"namespaces":[{"type":"pid"},{"type":"network","path":"/proc/7/ns/net"}],
              "seccomp":{"defaultAction":"SCMP_ACT_ERRNO",…},"maskedPaths":["/proc/kcore"],
              "devices":[{"path":"/dev/kvm","type":"c","major":10,"minor":232}],
              "resources":{"devices":[{"allow":false,"access":"rwm"}]},
              "uidMappings":[{"containerID":0,"hostID":100000,"size":65536}]}}

Of the environment only the names are kept: the values hold secrets.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.container.statefile import (
    Json,
    as_object,
    child,
    number,
    objects,
    parse_json,
    read_bytes,
    strings,
    text,
    texts,
)
from agent.records import dataclass
from agent.security.capabilities import Capabilities, from_names


@dataclass(frozen=True, slots=True)
class SpecMount:
    """One entry of `mounts`."""

    source: str
    destination: str
    type: str
    options: tuple[str, ...]

    @property
    def is_bind(self) -> bool:
        """Whether it is a file or directory of the host's."""
        return self.type == "bind" or "bind" in self.options or "rbind" in self.options


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """The parts of config.json that say what the container may do. Text that is not there is ""."""

    args: tuple[str, ...]
    env_names: tuple[str, ...]
    cwd: str
    uid: int
    gid: int
    bounding: Capabilities
    effective: Capabilities
    no_new_privileges: bool
    seccomp: str
    """Default action of the filter; "" where none is declared."""
    apparmor: str
    selinux: str
    namespaces: Mapping[str, str]
    """Type (network, pid, ipc, uts, mount, user, cgroup) → path of one to join, "" for a new one.
    A type that is not here is shared with the runtime, which is to say with the host."""
    id_mapped: bool
    """Whether a user namespace with ids of its own is declared."""
    read_only: bool
    mounts: tuple[SpecMount, ...]
    masked_paths: tuple[str, ...]
    devices: tuple[str, ...]
    """Paths of the host's devices put into it."""
    all_devices: bool
    """Whether every device may be used."""
    annotations: Mapping[str, str]


def read_spec(directory: str) -> Spec | None:
    """The spec in a bundle's directory. None where absent. Raises `Denied`, `UnreadableState`."""
    path = f"{directory}/config.json"
    data = read_bytes(path)
    return None if data is None else parse_spec(data, path)


def parse_spec(data: bytes, path: str) -> Spec:
    """Parse config.json; whatever is not of the spec's type counts as not there."""
    config = as_object(parse_json(data, path), path)
    process, linux = child(config, "process"), child(config, "linux")
    user, capabilities = child(process, "user"), child(process, "capabilities")
    return Spec(
        args=strings(process, "args"),
        env_names=tuple(entry.partition("=")[0] for entry in strings(process, "env")),
        cwd=text(process, "cwd"),
        uid=number(user, "uid") or 0,
        gid=number(user, "gid") or 0,
        bounding=from_names(strings(capabilities, "bounding")),
        effective=from_names(strings(capabilities, "effective")),
        no_new_privileges=process.get("noNewPrivileges") is True,
        seccomp=text(child(linux, "seccomp"), "defaultAction"),
        apparmor=text(process, "apparmorProfile"),
        selinux=text(process, "selinuxLabel"),
        namespaces={
            text(item, "type"): text(item, "path") for item in objects(linux, "namespaces")
        },
        id_mapped=bool(objects(linux, "uidMappings")),
        read_only=child(config, "root").get("readonly") is True,
        mounts=tuple(_mount(item) for item in objects(config, "mounts")),
        masked_paths=strings(linux, "maskedPaths"),
        devices=tuple(path for item in objects(linux, "devices") if (path := text(item, "path"))),
        all_devices=any(
            _allows_all(rule) for rule in objects(child(linux, "resources"), "devices")
        ),
        annotations=texts(config, "annotations"),
    )


def _mount(item: Json) -> SpecMount:
    return SpecMount(
        source=text(item, "source"),
        destination=text(item, "destination"),
        type=text(item, "type"),
        options=strings(item, "options"),
    )


def _allows_all(rule: Json) -> bool:
    return (
        rule.get("allow") is True
        and text(rule, "type") in ("", "a")
        and number(rule, "major") in (None, -1)
        and number(rule, "minor") in (None, -1)
        and "w" in text(rule, "access")
    )
