"""What a probe is made of: the nouns which facts, decisions and both loaders share.

A probe is one set of BPF programs with one purpose. It is there twice, with the same program and
map names: as a CO-RE object for libbpf and as source for bcc.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, Literal

from agent.records import dataclass, field

LoaderName = Literal["libbpf", "bcc"]
LOADERS: Final[tuple[LoaderName, ...]] = ("libbpf", "bcc")
"""In the order they are tried: libbpf costs 0.03 s of CPU, bcc 2 s and a compiler's memory."""

DIRECTORY: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probes")

ProgramKind = Literal[
    "tracepoint", "perf_event", "cgroup_ingress", "cgroup_egress", "iter", "syscall"
]
"""
What runs a program:

    tracepoint       a tracepoint: tp_btf of libbpf, a raw tracepoint of bcc
    perf_event       a software event, see Sampling
    cgroup_ingress   each packet of a socket in any cgroup2: `return 1` lets it pass
    cgroup_egress    likewise
    iter             a walk userspace starts; never attached
    syscall          BPF_PROG_TEST_RUN; never attached
"""
IDLE: Final = frozenset({"iter", "syscall"})
"""Run by userspace alone."""

_LEAST_CGROUPS: Final = 512
_MOST_ENTRIES: Final = 65536
_MOST_PLACES: Final = 4096
"""Of one CPU: 1.5 MB."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """A software event of each CPU: `hertz` times a second, or each `period`th event."""

    event: Literal[
        "cpu-clock", "page-faults", "context-switches", "page-faults-min", "page-faults-maj"
    ]
    hertz: int = 0
    period: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One BPF function, at one place, for one feature."""

    name: str
    """The C function, in both sources."""
    feature: str
    """What is missing when it does not run: "exec". Several may share one."""
    kind: ProgramKind = "tracepoint"
    tracepoint: str = ""
    """Of kind tracepoint."""
    sampling: Sampling | None = None
    """Of kind perf_event."""
    first_argument: str = ""
    """For bcc: the tracepoint must pass this C type first, "struct task_struct *"; "" for any.
    libbpf does not need it: the verifier checks the types of a tp_btf program."""
    kfuncs: tuple[str, ...] = ()
    """Kernel functions it cannot do without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSet:
    """A probe, before it is loaded."""

    name: str
    """Of its files: probes/NAME.bpf.c and, made from it, NAME.bpf.o."""
    programs: tuple[Program, ...]
    maps: tuple[str, ...]
    per_cgroup: Mapping[str, int] = field(default_factory=dict)
    """Map -> entries a cgroup takes, for the maps that are sized by the host's cgroups."""
    per_cpu: frozenset[str] = frozenset()
    """Of these maps, those with a part for each CPU, each of that many entries: slots.h."""
    source: str = ""
    """Path of a user's own C file, which bcc alone loads."""

    @property
    def object_path(self) -> str:
        """The CO-RE object."""
        return os.path.join(DIRECTORY, f"{self.name}.bpf.o")

    @property
    def source_path(self) -> str:
        """What bcc compiles: the user's, or its own, which is also the object's."""
        return self.source or os.path.join(DIRECTORY, f"{self.name}.bpf.c")

    @property
    def features(self) -> tuple[str, ...]:
        """What its programs are for, each once."""
        return tuple(dict.fromkeys(program.feature for program in self.programs))

    @property
    def tracepoints(self) -> tuple[str, ...]:
        """The ones its programs need."""
        return tuple(each.tracepoint for each in self.programs if each.tracepoint)

    @property
    def kfuncs(self) -> tuple[str, ...]:
        """The kernel functions its programs need."""
        return tuple(name for program in self.programs for name in program.kfuncs)

    def sizes(self, cgroups: int, cpus: int) -> dict[str, int]:
        """
        Map -> how many entries it gets on a host of so many cgroups: what twice as many take.

        At least what 512 take, as the agent may start before the containers; at most 65536, and
        where each of `cpus` has a part, 4096 of them. Powers of two, but for the number of parts.
        """
        cgroups = max(2 * cgroups, _LEAST_CGROUPS)
        sizes: dict[str, int] = {}
        for name, each in self.per_cgroup.items():
            wanted = 1 << (cgroups * each - 1).bit_length()
            parted = name in self.per_cpu
            sizes[name] = min(wanted, _MOST_PLACES) * cpus if parted else min(wanted, _MOST_ENTRIES)
        return sizes
