"""Everything the checks look at, of one container: declared, effective, and the host's.

Pure. A question that neither source answers is None, which a check turns into "unknown" and never
into "passed".
"""

from __future__ import annotations

from typing import Final

from agent.container.container import Container
from agent.kernelfile import Limit
from agent.procfs.credentials import WHOLE_RANGE, Credentials, inside_id
from agent.records import dataclass
from agent.security.capabilities import NAMES, Capabilities, from_mask
from agent.security.host import HostState
from agent.security.hostmounts import HostMount, declared_mounts, effective_mounts, merged
from agent.security.process import NET_DEV, ProcessState
from agent.security.spec import Spec

_SPEC_NAMES: Final = {"net": "network", "mnt": "mount"}
"""What the OCI spec calls a namespace that /proc calls otherwise."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in force, the pod's counted where the container has none. None: not told here."""

    memory: Limit | None = None
    """Bytes."""
    cpu: Limit | None = None
    """cpu.max's quota, in microseconds a period."""
    pids: Limit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One container."""

    container: Container
    host: HostState
    spec: Spec | None
    """None: the bundle was not found or may not be read."""
    process: ProcessState | None
    """None: it may not be read."""
    limits: Limits
    mounts: tuple[HostMount, ...] | None
    """What of the host's filesystem it sees. None: neither source could be read."""

    @property
    def credentials(self) -> Credentials | None:
        """Of the first process."""
        return None if self.process is None else self.process.credentials

    @property
    def bounding(self) -> Capabilities | None:
        """What a process of the container can get at most, without leaving its namespaces."""
        if self.credentials is not None:
            return from_mask(self.credentials.bounding)
        return None if self.spec is None else self.spec.bounding

    @property
    def effective(self) -> Capabilities | None:
        """What its first process has now."""
        if self.credentials is not None:
            return from_mask(self.credentials.effective)
        return None if self.spec is None else self.spec.effective

    @property
    def has_all_capabilities(self) -> bool | None:
        """Whether it has what the host's own processes have."""
        all_of_them = self.host.bounding or frozenset(NAMES)
        return None if self.bounding is None else self.bounding >= all_of_them

    @property
    def uid(self) -> int | None:
        """Of the first process, as it is called inside the container."""
        if self.credentials is not None and self.process is not None:
            if self.process.uid_map:
                return inside_id(self.credentials.uid, self.process.uid_map)
            if self.spec is None or not self.spec.id_mapped:
                return self.credentials.uid
        return None if self.spec is None else self.spec.uid

    @property
    def seccomp(self) -> str | None:
        """off, strict, filter."""
        if self.credentials is not None and self.credentials.seccomp is not None:
            return {0: "off", 1: "strict", 2: "filter"}.get(self.credentials.seccomp)
        if self.spec is None:
            return None
        return "filter" if self.spec.seccomp else "off"

    @property
    def no_new_privileges(self) -> bool | None:
        """Whether a setuid program gives it nothing."""
        if self.credentials is not None and self.credentials.no_new_privileges is not None:
            return self.credentials.no_new_privileges
        return None if self.spec is None else self.spec.no_new_privileges

    @property
    def label(self) -> str | None:
        """Its AppArmor profile or SELinux label; "" on a kernel with neither."""
        if self.process is not None and self.process.label is not None:
            return self.process.label
        if self.spec is None:
            return None
        return self.spec.selinux or self.spec.apparmor or None

    @property
    def read_only(self) -> bool | None:
        """Whether its root filesystem is mounted read-only."""
        if self.process is not None and self.process.mounts is not None:
            roots = [mount for mount in self.process.mounts if mount.mount_point == "/"]
            if roots:
                return "ro" in roots[-1].options.split(",")
        return None if self.spec is None else self.spec.read_only

    @property
    def masked(self) -> bool | None:
        """Whether the dangerous files of /proc are hidden or read-only."""
        if self.spec is not None:
            return bool(self.spec.masked_paths)
        return self.masked_now

    @property
    def masked_now(self) -> bool | None:
        """The same by its mount table alone."""
        if self.process is None or self.process.mounts is None:
            return None
        return any(mount.mount_point.startswith("/proc/") for mount in self.process.mounts)

    def shares(self, namespace: str) -> bool | None:
        """Whether it is in the host's `namespace` ("net", "pid", …), best source first."""
        seen = self.shares_now(namespace)
        return self._declared_shared(namespace) if seen is None else seen

    def shares_now(self, namespace: str) -> bool | None:
        """The same by what the kernel says alone."""
        process = self.process
        if process is None:
            return None
        keys = (namespace, NET_DEV) if namespace == "net" else (namespace,)
        for key in keys:
            own, host = process.namespaces.get(key), self.host.namespaces.get(key)
            if own is not None and host is not None:
                return own == host
        if namespace == "pid" and process.credentials.pid_namespaces is not None:
            # From the reader's pid namespace on; a longer list is surely another one. One entry is
            # the reader's own, which is the host's where kthreadd is seen.
            return process.credentials.pid_namespaces == 1
        if namespace == "user" and process.uid_map:
            return process.uid_map == (WHOLE_RANGE,)
        return None

    def _declared_shared(self, namespace: str) -> bool | None:
        if self.spec is None:
            return None
        path = self.spec.namespaces.get(_SPEC_NAMES.get(namespace, namespace))
        if path is None:
            return True
        if not path:
            return False
        # A path is somebody's namespace: a pod's, which the path does not tell from the host's.
        return True if path.endswith("/docker/netns/default") else None


def facts_of(
    *,
    container: Container,
    host: HostState,
    spec: Spec | None,
    process: ProcessState | None,
    limits: Limits,
) -> Facts:
    """The facts from what was read, the mounts worked out."""
    return Facts(
        container=container,
        host=host,
        spec=spec,
        process=process,
        limits=limits,
        mounts=_mounts(container, host, spec, process),
    )


def _mounts(
    container: Container, host: HostState, spec: Spec | None, process: ProcessState | None
) -> tuple[HostMount, ...] | None:
    own = None if process is None else process.mounts
    if spec is None and own is None:
        return None
    declared = () if spec is None else declared_mounts(spec, container)
    if own is None:
        return declared
    return merged(declared, effective_mounts(own, host.mounts, spec, container))
