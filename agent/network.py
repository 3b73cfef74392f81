"""Which cgroup answers for which network namespace, and that namespace's counters.

The kernel counts per network namespace, not per cgroup: the containers of a pod share one, and
`--network container:NAME` shares one outside Kubernetes too. Counters exported by each of them
would be added up by every dashboard, so exactly one cgroup, the owner, answers: the sandbox where
there is one, else the container that was started first. Containers in the host's namespace answer
for nothing; the root cgroup has the host's interfaces.

A namespace is told apart by the inode of /proc/PID/net/dev: each namespace has its own proc
directory entry (fs/proc/proc_net.c, proc_create_net_data), so the number is the namespace's, and
unlike /proc/PID/ns/net it may be read without CAP_SYS_PTRACE.

The table of interfaces is read each tick, and before anything else of its namespace: one that says
what it said last time is of a namespace in which no packet moved since, whose TCP and UDP need not
be asked again (`netstack`).

Nothing is kept open between ticks: an open file under /proc/PID/net would keep the namespace of a
removed container alive.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container, Kind
from agent.faults import told
from agent.kernelfile import Denied, UnexpectedText, parse_named, read_identified
from agent.netstack import NetworkStack, NetworkStacks
from agent.procfs.net_dev import NetDev, parse_net_dev
from agent.records import NamedTuple


class Candidate(NamedTuple):
    """A container's cgroup, and how to find a process in it (called only when needed)."""

    cgroup: Cgroup
    container: Container
    pids: Callable[[], tuple[int, ...]]


class NetworkReading(NamedTuple):
    """One tick's namespaces by owner (cgroup inode)."""

    interfaces: dict[int, tuple[NetDev, ...]]
    stacks: dict[int, NetworkStack]
    denied: frozenset[int]
    """Inodes of cgroups whose namespace may not be looked at."""
    failures: tuple[str, ...]


class _Table(NamedTuple):
    """A namespace's net/dev."""

    text: bytes
    interfaces: tuple[NetDev, ...]


class Networks:
    """Finds each namespace's owner and reads it once a tick."""

    def __init__(self, proc: str, groups: Collection[str] = ()) -> None:
        """`groups` are the metric groups that are on (`netstack.GROUPS`)."""
        self._proc = proc
        self._stacks = NetworkStacks(proc, groups)
        self._members: dict[int, tuple[int, int]] = {}
        """cgroup inode → (pid, namespace): which process showed which namespace."""
        self._owners: dict[int, int] = {}
        """Namespace → cgroup inode of its owner, at the last tick."""
        self._tables: dict[int, _Table] = {}
        """Cgroup inode of an owner → what its namespace's table said at the last tick."""

    def read(self, candidates: Iterable[Candidate]) -> NetworkReading:
        """Read every namespace of `candidates` once, through its owner."""
        host = self._namespace(1)
        denied: set[int] = set()
        failures: list[str] = []
        members: dict[int, tuple[int, int]] = {}
        owners: dict[int, tuple[tuple[bool, float, str], int, int]] = {}
        texts: dict[int, bytes] = {}
        for candidate in candidates:
            inode = candidate.cgroup.inode
            try:
                found = self._find(candidate, texts)
            except Denied:
                denied.add(inode)
                continue
            if found is None:
                continue
            pid, namespace = members[inode] = found
            if namespace == host:
                continue
            rank = (
                candidate.container.kind is not Kind.SANDBOX,
                candidate.container.started or candidate.cgroup.created,
                candidate.container.id,
            )
            if namespace not in owners or rank < owners[namespace][0]:
                owners[namespace] = (rank, inode, pid)
        self._members = members
        self._owners = {namespace: inode for namespace, (_, inode, _) in owners.items()}
        tables: dict[int, _Table] = {}
        quiet: set[int] = set()
        for namespace, (_, inode, pid) in owners.items():
            try:
                table = self._table(inode, pid, texts.get(namespace))
            except Denied:
                denied.add(inode)
            except (OSError, UnexpectedText) as error:
                failures.append(told(error))
            else:
                if table is not None:
                    tables[inode] = table
                    if table is self._tables.get(inode):
                        quiet.add(inode)
        self._tables = tables
        stacks = self._stacks.read({inode: pid for _, inode, pid in owners.values()}, quiet)
        failures += stacks.failures
        return NetworkReading(
            {inode: table.interfaces for inode, table in tables.items()},
            stacks.stacks,
            frozenset(denied),
            tuple(failures),
        )

    def _table(self, owner: int, pid: int, text: bytes | None) -> _Table | None:
        """The table of an owner's namespace, the same object while it says the same."""
        path = f"{self._proc}/{pid}/net/dev"
        if text is None:
            found = read_identified(path)
            if found is None:
                return None
            text = found[1]
        last = self._tables.get(owner)
        if last is not None and last.text == text:
            return last
        return _Table(text, parse_named(text, path, parse_net_dev))

    def _find(self, candidate: Candidate, texts: dict[int, bytes]) -> tuple[int, int] | None:
        """
        A live process of this cgroup and its namespace; None when nothing runs in it.

        The table of a namespace that it owned at the last tick is read on the way, into `texts`.
        """
        inode = candidate.cgroup.inode
        known = self._members.get(inode)
        if known is not None:
            pid, namespace = known
            if self._owners.get(namespace) == inode:
                table = self._identified(pid)
                if table is not None and table[0] == namespace:
                    texts[namespace] = table[1]
                    return known
            elif self._namespace(pid) == namespace:
                return known
        pids = candidate.pids()
        if candidate.container.pid is not None:
            # Processes may sit in cgroups below this one (systemd in a container).
            pids = (*pids, candidate.container.pid)
        for pid in pids:
            found = self._namespace(pid)
            if found is not None:
                return pid, found
        return None

    def _namespace(self, pid: int) -> int | None:
        try:
            return os.stat(f"{self._proc}/{pid}/net/dev").st_ino
        except PermissionError as error:
            raise Denied(error.errno, error.strerror, error.filename) from None
        except OSError:
            # The process ended: ENOENT, or ESRCH and EINVAL while it is being taken down.
            return None

    def _identified(self, pid: int) -> tuple[int, bytes] | None:
        """A process' namespace and the text of its table."""
        try:
            return read_identified(f"{self._proc}/{pid}/net/dev")
        except Denied:
            raise
        except OSError:
            return None  # as in `_namespace`
