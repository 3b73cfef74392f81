"""What filters, columns and scripts look at: one container, or another cgroup, at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container, Kind
from agent.diagnosis.finding import Finding
from agent.diagnosis.trouble import trouble
from agent.kernelfile import Unlimited
from agent.records import dataclass
from agent.usage import HostUsage, Unknown, Usage

if TYPE_CHECKING:
    from agent.diagnosis.diagnose import Verdict
    from agent.diagnosis.scene import Scene

Value = float | str | Unlimited | Unknown
"""A number in base units, text, no limit, or the reason why there is none."""
Trend = Sequence[float | None]
"""Equal steps of the last minute, oldest first; None where it was not there, or not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One container."""

    cgroup: Cgroup | None
    """None: it ended and has none just now, as between two restarts."""
    container: Container | None
    """None: a slice, a service, the root; or as `cgroup`."""
    usage: Usage | None
    """None: it ended, or it is one event's container, of which nothing was measured."""
    on: str = ""
    """The host it is on, where several are looked at."""
    ended: str = ""
    """Its name, where there is neither cgroup nor container."""
    host: HostUsage | None = None
    """The machine at that moment: what shares of the host are of."""
    wall_time: float = 0.0
    """Unix seconds: what ages are counted to."""
    findings: tuple[Finding, ...] = ()
    """The worst first."""
    trouble: float = 0.0
    """See `agent.diagnosis.trouble`."""
    cpu_trend: Trend = ()
    """Cores."""
    memory_trend: Trend = ()
    """Bytes of the working set."""

    @property
    def title(self) -> str:
        """What a person calls it: the container's title, else the cgroup's path."""
        if self.container is not None and self.container.title:
            return self.container.title
        if self.cgroup is not None:
            return self.cgroup.path.strip("/") or "/"
        return self.ended

    @property
    def is_container(self) -> bool:
        """Not a sandbox, a pod's own cgroup, or something no runtime made."""
        if self.container is None:
            return self.cgroup is None
        return self.container.kind is Kind.CONTAINER


def item_of(verdict: Verdict, scene: Scene) -> Item:
    """What a diagnosis looked at, over the time it looked."""
    usage = None if verdict.subject is None else verdict.subject.usage
    return Item(
        cgroup=None if usage is None else usage.cgroup,
        container=None if usage is None else usage.container,
        usage=usage,
        ended=verdict.name if usage is None else "",
        host=scene.host,
        wall_time=scene.wall_time,
        findings=verdict.findings,
        trouble=trouble(verdict.findings, usage, scene.host),
    )
