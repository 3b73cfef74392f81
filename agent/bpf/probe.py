"""A probe that is loaded: its programs, its maps, and what it counts, of whatever kind.

    Kind      what a probe is: its programs, how its maps are read, how the dead are forgotten
    Maps      the maps of a loaded probe, by name
    Probe     all of it, running

A new probe is a ProbeSet, a frozen record of counts, and functions over Maps: docs/probes.md.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

from agent.bpf import syscall
from agent.bpf.addition import add
from agent.bpf.cpus import possible_cpus
from agent.bpf.loaded import Loaded
from agent.bpf.probeset import LoaderName, ProbeSet
from agent.bpf.reading import Hierarchy, Reading
from agent.faults import told
from agent.records import dataclass, field, replace

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Maps:
    """The maps of a loaded probe, and which of its features count."""

    fds: Mapping[str, int]
    features: frozenset[str]
    cpus: int
    """Possible CPUs: how many values a per-CPU map has for a key."""

    def fd(self, name: str) -> int:
        """The descriptor of a map. Raise ValueError where the probe is closed."""
        try:
            return self.fds[name]
        except KeyError:
            raise ValueError("the probe is closed") from None

    def type_of(self, name: str) -> int:
        """enum bpf_map_type."""
        return syscall.map_info(self.fd(name)).type

    def batches(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        """A hash map's (keys one after the other, values likewise), piece by piece."""
        info = syscall.map_info(self.fd(name))
        return syscall.batches(self.fd(name), info.key_size, info.value_size)

    def cpu_batches(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        """Of a per-CPU hash map: each key has a value for each CPU, rounded up to 8 bytes."""
        info = syscall.map_info(self.fd(name))
        return syscall.batches(
            self.fd(name), info.key_size, -(-info.value_size // 8) * 8 * self.cpus
        )

    def cpu_value(self, name: str, key: int = 0) -> bytes:
        """A place of a per-CPU array: one value for each CPU, rounded up to 8 bytes."""
        info = syscall.map_info(self.fd(name))
        size = -(-info.value_size // 8) * 8 * self.cpus
        value = syscall.lookup(self.fd(name), key.to_bytes(4, sys.byteorder), size)
        if value is None:
            raise RuntimeError(f'map "{name}" has no entry {key}, and an array has all')
        return value

    def total(self, name: str, key: int = 0) -> int:
        """A place of a per-CPU array of one __u64, summed over the CPUs, as drops are counted."""
        value = self.cpu_value(name, key)
        return sum(
            int.from_bytes(value[at : at + 8], sys.byteorder) for at in range(0, len(value), 8)
        )

    def delete(self, name: str, gone: Callable[[bytes], bool]) -> None:
        """Remove the keys of a hash map of which `gone` is true."""
        info = syscall.map_info(self.fd(name))
        size = info.key_size
        # The keys first: deleting moves nothing, but a batch walk over a changing map is not exact.
        # A lookup of per-CPU values needs room for all CPUs', whatever the type.
        room = -(-info.value_size // 8) * 8 * self.cpus
        found = b"".join(keys for keys, _ in syscall.batches(self.fd(name), size, room))
        for at in range(0, len(found), size):
            if gone(key := found[at : at + size]):
                syscall.delete(self.fd(name), key)

    def delete_cgroups(self, name: str, ids: Collection[int]) -> None:
        """Remove the keys of a hash map which begin with one of these cgroup ids, a __u64."""
        self.delete(name, lambda key: int.from_bytes(key[:8], sys.byteorder) in ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[C]):
    """What the registry says of a probe."""

    programs: ProbeSet
    counts: type[C]
    """By which a sample is asked for what this probe counted in it."""
    read: Callable[[Maps], Reading[C]]
    forget: Callable[[Maps, Collection[int]], None]
    """Remove all entries of these cgroups, so that the dead do not fill the maps."""
    layout: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Map -> bytes of its key and its value: checked, since object and agent may differ."""
    prepare: Callable[[Maps], None] | None = None
    """Fill maps, before programs are attached; each time."""
    hierarchy: Hierarchy = "unified"
    """Whose ids the cgroups have. blkio: on a v1 or hybrid host the blkio mount's."""
    windowed: bool = False
    """Loaded and left detached, for windows."""
    cost: Callable[[C], float] | None = None
    """CPU seconds that counting so much took, about: where the kernel may not be asked."""
    default: bool = True
    """Whether it runs unless the configuration says otherwise."""
    on_demand: bool = False
    """Only `agent trace` runs it, aimed at one container: the configuration cannot."""
    add: Callable[[C, C], C] = add
    """The counts of two cgroups together."""

    @property
    def name(self) -> str:
        """Of the probe."""
        return self.programs.name


_REFUSALS: Final = frozenset({errno.EACCES, errno.EPERM, errno.ENOENT, errno.EOPNOTSUPP})
"""Of attaching: it will be the same the next time."""


class WrongLayout(RuntimeError):
    """A map's entries are not what the reader expects."""


class Probe(Generic[C]):
    """Loaded programs and their maps. Owns them. Use by one thread; a context manager."""

    def __init__(
        self,
        kind: Kind[C],
        loader: LoaderName,
        loaded: Loaded,
        reasons: tuple[tuple[str, str], ...] = (),
        *,
        cpus: int | None = None,
    ) -> None:
        """Take over `loaded`. `cpus`: possible CPUs, read from /sys where not given."""
        self.kind = kind
        self.loader = loader
        self.reasons = reasons
        """(loader, why it did not do) for each that was tried before this one."""
        self.stopped = False
        """By `detach`, until it is attached again."""
        self._loaded = loaded
        self._programs = {each.name: each for each in kind.programs.programs}
        self.off: Mapping[str, str] = _off(kind.programs, loaded)
        """Feature -> why it is not counted here. A feature of several programs needs them all."""
        try:
            self.maps = Maps(
                loaded.maps,
                frozenset(kind.programs.features) - self.off.keys(),
                possible_cpus() if cpus is None else cpus,
            )
            self._check_layout()
        except BaseException:  # whatever ends it: nothing stays open, and it is raised on
            loaded.close()
            raise

    @property
    def name(self) -> str:
        """Of the probe."""
        return self.kind.name

    @property
    def windowed(self) -> bool:
        """Attached in windows alone."""
        return self.kind.windowed

    def read(self) -> Reading[C]:
        """Read all counters. Raise OSError where the kernel refuses, ValueError when closed."""
        return self.kind.read(self.maps)

    def forget(self, ids: Iterable[int]) -> None:
        """
        Remove all entries of these cgroups, so that the dead do not fill the maps.

        Pass only ids that are gone: an id seen in an earlier reading and missing in a walk of the
        tree made after that reading. An id which is merely not known yet may be a new container's,
        and its counts would be lost. A cgroup that is gone gets no more entries, since it had to be
        empty of processes; so a reading made after such a walk has its last counts.
        """
        if gone := frozenset(ids):
            self.kind.forget(self.maps, gone)

    def start(self) -> None:
        """
        Start counting what can be counted: a program that may not be attached is off for good.
        """
        try:
            self._prepare()
        except OSError as error:
            for name in tuple(self._loaded.programs):
                self._give_up(name, f"fill its maps: {told(error)}")
        for name in tuple(self._loaded.programs):
            try:
                self._loaded.attach(self._programs[name])
            except OSError as error:
                self._give_up(name, self._not_attached(name, error))
        self._say_off()

    def _say_off(self) -> None:
        self.off = _off(self.kind.programs, self._loaded)
        self.maps = replace(
            self.maps, features=frozenset(self.kind.programs.features) - self.off.keys()
        )

    @property
    def running(self) -> bool:
        """Whether any of its programs is attached."""
        return bool(self._loaded.links)

    def attach(self) -> None:
        """
        Start counting: a program that may not be attached here is off for good, if any other may.

        Raise OSError where none may, or where the kernel has no room now. May be called again.
        """
        if not self._loaded.links:
            self._prepare()
        refused: dict[str, OSError] = {}
        for name in self._loaded.programs:
            try:
                self._loaded.attach(self._programs[name])
            except OSError as error:
                if error.errno not in _REFUSALS or len(self._loaded.programs) == 1:
                    self.detach()
                    raise
                refused[name] = error
        if refused and not self._loaded.links:
            raise next(iter(refused.values()))
        for name, refusal in refused.items():
            self._give_up(name, self._not_attached(name, refusal))
        if refused:
            self._say_off()
        self.stopped = False

    def detach(self) -> None:
        """Stop counting and keep what was counted. May be called again."""
        self.stopped = True
        for name in tuple(self._loaded.links):
            self._loaded.detach(name)

    def program_fds(self) -> Iterable[int]:
        """Descriptors of its programs, for their run time."""
        return self._loaded.programs.values()

    def program_ids(self) -> dict[str, int]:
        """Program name -> its number in the kernel, as in `bpftool prog show id N`."""
        return {name: syscall.program_info(fd).id for name, fd in self._loaded.programs.items()}

    def estimate(self) -> float | None:
        """CPU seconds it has cost by its own count of events; None: it cannot say."""
        if self.kind.cost is None:
            return None
        return sum(map(self.kind.cost, self.read().cgroups.values()))

    def close(self) -> None:
        """Detach and free. May be called again."""
        self._loaded.close()

    def __enter__(self) -> Probe[C]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _not_attached(self, name: str, error: OSError) -> str:
        program = self._programs[name]
        return f"attach to {program.tracepoint or program.kind}: {told(error)}"

    def _give_up(self, name: str, reason: str) -> None:
        self._loaded.off[name] = reason
        os.close(self._loaded.programs.pop(name))

    def _prepare(self) -> None:
        if self.kind.prepare is not None:
            self.kind.prepare(self.maps)

    def _check_layout(self) -> None:
        for name, wanted in self.kind.layout.items():
            info = syscall.map_info(self.maps.fd(name))
            if (info.key_size, info.value_size) != wanted:
                raise WrongLayout(
                    f'map "{name}" has keys of {info.key_size} and values of {info.value_size}'
                    f" bytes, not {wanted[0]} and {wanted[1]}: what is loaded and who reads it are"
                    " not of one version"
                )


def _off(programs: ProbeSet, loaded: Loaded) -> dict[str, str]:
    off: dict[str, str] = {}
    for program in programs.programs:
        if program.name not in loaded.programs:
            reason = loaded.off.get(program.name, "not in the loaded object")
            off.setdefault(program.feature, reason)
    return off
