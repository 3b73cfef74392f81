"""The agent's own counters.

They tell what the agent costs and what it could not do: time and failures of each source, which
layer named the containers, how the children fare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from agent.families import Collector, Family, counter, gauge, info, write
from agent.own_process import OwnProcess
from agent.revision import revision
from agent.version import VERSION


class Telemetry:
    """Every part's collector, and what is counted by hand rather than collected."""

    def __init__(self) -> None:
        self._sources = _Sources()
        self._collectors: list[Collector] = [OwnProcess(), _Build(), self._sources]
        self._lacks: list[Callable[[], Iterable[str]]] = []

    def register(self, collector: Collector) -> None:
        """Add a part's own collector."""
        self._collectors.append(collector)

    def watch(self, lacks: Callable[[], Iterable[str]]) -> None:
        """Add what tells, in words, what of the configuration does not work just now."""
        self._lacks.append(lacks)

    def lacking(self) -> tuple[str, ...]:
        """What the configuration asks for and does not work, asked now."""
        return tuple(lack for lacks in self._lacks for lack in lacks())

    def source_read(self, source: str, seconds: float, failures: int) -> None:
        """Note how one source of one tick fared."""
        self._sources.note(source, seconds, failures)

    def collect(self) -> Iterator[Family]:
        """Every family, read now."""
        for collector in self._collectors:
            yield from collector.collect()

    def page(self, *, openmetrics: bool = False) -> bytes:
        """The families in text format 0.0.4, or in OpenMetrics without its end."""
        return write(self.collect(), openmetrics=openmetrics)


class Counts:
    """A counter whose numbers are kept elsewhere: label value → count."""

    def __init__(self, name: str, help: str, label: str, get: Callable[[], Mapping[str, int]]):  # noqa: A002
        self._name, self._help, self._label, self._get = name, help, label, get

    def collect(self) -> Iterator[Family]:
        """Read the numbers now."""
        family = counter(self._name, self._help, [self._label])
        for value, count in sorted(self._get().items()):
            family.add([value], count)
        yield family


class Rows:
    """A gauge of 1 for each of the rows that are kept elsewhere."""

    def __init__(
        self,
        name: str,
        help: str,  # noqa: A002
        labels: Sequence[str],
        get: Callable[[], Iterable[Sequence[str]]],
    ) -> None:
        self._name, self._help, self._labels, self._get = name, help, tuple(labels), get

    def collect(self) -> Iterator[Family]:
        """Read the rows now."""
        family = gauge(self._name, self._help, self._labels)
        for row in self._get():
            family.add(row, 1)
        yield family


class Levels:
    """A gauge whose numbers are kept elsewhere: label value → how many now."""

    def __init__(self, name: str, help: str, label: str, get: Callable[[], Mapping[str, int]]):  # noqa: A002
        self._name, self._help, self._label, self._get = name, help, label, get

    def collect(self) -> Iterator[Family]:
        """Read the numbers now."""
        family = gauge(self._name, self._help, [self._label])
        for value, level in sorted(self._get().items()):
            family.add([value], level)
        yield family


class Probes:
    """Which features of the BPF probes run, why the others do not, and what went uncounted."""

    def __init__(
        self,
        features: Callable[[], Iterable[tuple[str, str, str, str]]],
        dropped: Callable[[], Mapping[tuple[str, str], int]],
        unattributed: Callable[[], int],
    ) -> None:
        """`features`: (probe, feature, loader, reason); `dropped`: (probe, map) → events."""
        self._features, self._dropped, self._unattributed = features, dropped, unattributed

    def collect(self) -> Iterator[Family]:
        """Read the numbers now."""
        up = gauge(
            "agent_probe_up",
            "Whether this feature of a BPF probe counts; the reason where it does not.",
            ["probe", "feature", "loader", "reason"],
        )
        for row in self._features():
            up.add(row, 0 if row[3] else 1)
        yield up
        dropped = counter(
            "agent_bpf_dropped",
            "Events a BPF probe could not count: a map was full, or a request's start or end was "
            "not seen; without a map, because its program was interrupted by another event.",
            ["probe", "map"],
        )
        for names, count in self._dropped().items():
            dropped.add(names, count)
        yield dropped
        unattributed = counter(
            "agent_bpf_unattributed_cgroups",
            "Cgroups BPF probes counted in that were gone before the agent saw them.",
        )
        unattributed.add([], self._unattributed())
        yield unattributed


class _Build:
    def __init__(self) -> None:
        self._revision = revision() or ""

    def collect(self) -> Iterator[Family]:
        yield info(
            "agent_build",
            "The agent, by version and the commit it was made from, where that is known.",
            {"version": VERSION, "revision": self._revision},
        )


class _Sources:
    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def note(self, source: str, seconds: float, failures: int) -> None:
        self._seconds[source] = self._seconds.get(source, 0.0) + seconds
        self._failures[source] = self._failures.get(source, 0) + failures

    def collect(self) -> Iterator[Family]:
        spent = counter("agent_source_seconds", "Wall time spent in each source.", ["source"])
        failed = counter(
            "agent_source_failures",
            "What each source found and could not read or understand.",
            ["source"],
        )
        for source, seconds in self._seconds.items():
            spent.add([source], seconds)
            failed.add([source], self._failures[source])
        yield spent
        yield failed
