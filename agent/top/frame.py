"""Everything one drawing shows that is not the viewer's choice: facts, made once a tick. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from agent.diagnosis.trouble import trouble
from agent.lifecycle.totals import identity_of
from agent.model import Snapshot, SourceHealth
from agent.records import NamedTuple, dataclass, field
from agent.selection.item import Item, Trend
from agent.top.trend import NO_TRENDS, Trends
from agent.usage import HostUsage, Usage, host_usage, usages

if TYPE_CHECKING:
    from agent.diagnosis.diagnose import Diagnosis, Verdict
    from agent.diagnosis.scene import Scene


class OwnCost(NamedTuple):
    """What this program itself uses."""

    cpu_cores: float | None
    """None until it has run for a while."""
    memory: int | None
    """Resident bytes."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is wrong, looked at over the last minute; made less often than a Frame."""

    scene: Scene
    diagnosis: Diagnosis
    by_inode: Mapping[int, Verdict]
    """Verdicts on what has a cgroup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One tick, ready to be drawn or printed."""

    hostname: str
    clock: str
    """Local time of day."""
    wall_time: float
    """Unix seconds: what ages are counted to."""
    delay: float
    """Seconds between ticks."""
    window: float | None
    """Seconds the rates are over; None for the first."""
    items: tuple[Item, ...]
    """Every cgroup, and every container that ended and is in trouble."""
    host: HostUsage
    host_trend: Trend
    """Share of all cores."""
    health: tuple[SourceHealth, ...]
    own: OwnCost | None
    """None of a moment in the past."""
    judgement: Judgement | None
    """None until there is a second to look at."""
    judgements: Mapping[str, Judgement] = field(default_factory=dict)
    """Where several hosts are looked at: each one's, and `judgement` is None."""

    def judged(self, item: Item) -> Judgement | None:
        """What its host was found to be like."""
        return self.judgements.get(item.on) if item.on else self.judgement

    def verdict(self, item: Item) -> Verdict | None:
        """What is wrong with it, in full."""
        judgement = self.judged(item)
        if judgement is None:
            return None
        if item.cgroup is not None:
            return judgement.by_inode.get(item.cgroup.inode)
        verdicts = judgement.diagnosis.verdicts
        return next((v for v in verdicts if v.subject is None and v.name == item.ended), None)


def judge(window: Sequence[Snapshot]) -> Judgement:
    """Diagnose `window`, oldest first, at least one."""
    # The first Frame has nothing to judge: it does not wait for the rules.
    from agent.diagnosis.diagnose import diagnose
    from agent.diagnosis.scene import scene_of

    scene = scene_of(window)
    diagnosis = diagnose(scene)
    return Judgement(
        scene,
        diagnosis,
        {
            verdict.subject.usage.cgroup.inode: verdict
            for verdict in diagnosis.verdicts
            if verdict.subject is not None
        },
    )


def make_frame(
    before: Snapshot | None,
    after: Snapshot,
    *,
    hostname: str,
    delay: float,
    judgement: Judgement | None = None,
    trends: Trends = NO_TRENDS,
    own: OwnCost | None = None,
    clock: str | None = None,
) -> Frame:
    """The Frame of `after`, with rates since `before`."""
    host = host_usage(before, after)
    live = usages(before, after)
    items = [_item(usage, host, after.wall_time, judgement, trends) for usage in live]
    if judgement is not None:
        items += _ended(judgement, live, host, after.wall_time)
    return Frame(
        hostname=hostname,
        clock=clock or time.strftime("%H:%M:%S", time.localtime(after.wall_time)),
        wall_time=after.wall_time,
        delay=delay,
        window=None if before is None else after.taken_at - before.taken_at,
        items=tuple(items),
        host=host,
        host_trend=trends.host_cpu,
        health=after.health,
        own=own,
        judgement=judgement,
    )


def _item(
    usage: Usage,
    host: HostUsage,
    wall_time: float,
    judgement: Judgement | None,
    trends: Trends,
) -> Item:
    inode = usage.cgroup.inode
    verdict = judgement.by_inode.get(inode) if judgement is not None else None
    findings = verdict.findings if verdict is not None else ()
    return Item(
        cgroup=usage.cgroup,
        container=usage.container,
        usage=usage,
        host=host,
        wall_time=wall_time,
        findings=findings,
        trouble=trouble(findings, usage, host),
        cpu_trend=trends.of_cpu(inode),
        memory_trend=trends.of_memory(inode),
    )


def _ended(
    judgement: Judgement, live: Sequence[Usage], host: HostUsage, wall_time: float
) -> list[Item]:
    """What is down and in trouble; not what came back since it was judged."""
    back = {identity_of(usage.container) for usage in live if usage.container is not None}
    return [
        Item(
            cgroup=None,
            container=None,
            usage=None,
            ended=verdict.name,
            host=host,
            wall_time=wall_time,
            findings=verdict.findings,
            trouble=trouble(verdict.findings, None, None),
        )
        for verdict in judgement.diagnosis.verdicts
        if verdict.gone is not None and verdict.gone.identity not in back
    ]
