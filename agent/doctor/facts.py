"""One look at a host, and what is said about it: the nouns of `agent doctor`."""

from __future__ import annotations

import enum

from agent.bpf.probeset import ProbeSet
from agent.bpf.support import Decision
from agent.doctor.running import Trouble
from agent.records import NamedTuple, dataclass, field

SCHEMA_VERSION = 1


class Runs(enum.Enum):
    """When a probe runs, by the configuration."""

    ALWAYS = "always on"
    WINDOWS = "in windows"
    NO_WINDOW = "never: probes.window = 0"
    TRACE = "while agent trace looks"
    OFF_BY_DEFAULT = "off by default"
    OFF = "off in the configuration"

    @property
    def is_off(self) -> bool:
        """Whether nothing runs it."""
        return self in (Runs.NO_WINDOW, Runs.OFF_BY_DEFAULT, Runs.OFF)


class PlannedProbe(NamedTuple):
    """One probe there is."""

    programs: ProbeSet
    runs: Runs


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSupport:
    """What `support.decide` says of one probe."""

    name: str
    runs: Runs
    decisions: tuple[Decision, ...]
    """Of the loaders that the configuration lets load it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One path, and why it cannot be used."""

    path: str
    exists: bool
    problem: str = ""
    """"" where it can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """Everything that is looked at. None: it could not be told."""

    kernel: str
    uid: int
    cgroup: str | None
    """v2, hybrid or v1; None where no cgroup filesystem is mounted."""
    cgroup_mount: str = ""
    controllers: frozenset[str] | None
    """On at the root of the cgroup2 tree, or mounted as v1."""
    pressure: bool | None
    capabilities: int | None
    """CapEff."""
    btf: bool
    probes_enabled: bool = True
    probes: tuple[ProbeSupport, ...] = ()
    sources: tuple[Access, ...] = ()
    """State directories of runtimes and places of logs."""
    containers: dict[str, int] = field(default_factory=dict)
    """Runtime → running containers that were found."""
    unshipped: dict[str, str] = field(default_factory=dict)
    """Running container → its log driver, where that leaves nothing to ship on this host."""
    unread: tuple[str, ...] = ()
    """What the sources of a sample failed at, in words."""
    state: Access | None = None
    """The directory the log path writes to; None where logs are off."""
    open_files: int = 0
    """Soft RLIMIT_NOFILE; -1 where there is no limit."""
    locked_memory: int = -1
    """Soft RLIMIT_MEMLOCK in bytes; -1 where there is no limit."""
    clock: bool | None = None
    """Whether something keeps it right."""
    sockets: tuple[Access, ...] = ()
    """Runtimes' sockets that are there."""
    docker_socket: str = ""
    """The one that the configuration asks for."""
    config_problems: tuple[str, ...] = ()
    """What is wrong with the configuration; the defaults were looked at then."""
    troubles: tuple[Trouble, ...] = ()
    """What the running agent's page says is wrong with it."""
    address: str = ""
    answer: str = ""
    """What /readyz says there, or asks for; "" where nobody answers."""
    answer_problem: str = ""
    """Why nobody answers."""


class Level(enum.Enum):
    """How much a check's result matters."""

    OK = "ok"
    NOTE = "note"
    """Less is seen, and the agent does its work."""
    PROBLEM = "problem"
    """Something the configuration asks for does not work: exit code 1."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    id: str
    level: Level
    said: str
    fix: str = ""
    """Of a note or a problem."""
