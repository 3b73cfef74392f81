"""The table of many hosts: each judged by itself, one that is silent is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.cgroupfs.reading import CgroupReading
from agent.fleet.frames import FleetMaker, FleetSource
from agent.model import Snapshot
from agent.top.glyphs import UNICODE
from agent.top.rows import rows_of
from agent.top.sets import DEFAULT, with_host
from agent.top.view import View
from agent.top.why_panel import why_panel
from tests.agent.diagnosis.scenes import look as scene
from tests.agent.diagnosis.test_rules import hungry, idle, throttled
from tests.agent.fleet.pages import Scraped, pages
from tests.agent.fleet.test_hosts import with_root

SECONDS = 75


class Clock:
    def __init__(self) -> None:
        self.now = 61.0

    def __call__(self) -> float:
        return self.now


def of(*names: str, busy: float = 0.3) -> list[Snapshot]:
    lives: dict[str, Callable[[int], CgroupReading]] = {
        "api": throttled,
        "web": idle,
        "batch": lambda tick: hungry(tick, 1.5),
    }
    return with_root(
        scene({name: [lives[name](t) for t in range(SECONDS)] for name in names}, busy=busy)
    )


def fleet(**hosts: Sequence[Snapshot]) -> tuple[FleetSource, FleetMaker, Clock]:
    clock = Clock()
    prometheus = Scraped({host: pages(taken) for host, taken in hosts.items()})
    return FleetSource(prometheus, "", clock), FleetMaker(10.0, clock), clock


def test_all_hosts_are_in_one_table_with_rates_at_once_and_the_worst_first() -> None:
    source, maker, _ = fleet(a=of("api"), b=of("batch", "web", busy=0.6))
    frame = maker.next(source.snapshot())
    rows = rows_of(frame, View(columns=with_host(DEFAULT)))
    found = [(row.label, row.item.on) for row in rows if row.item is not None]
    assert found == [("api", "a"), ("batch", "b"), ("web", "b")]
    assert frame.hostname == "2 hosts"
    assert frame.host.cores == 8
    assert frame.host.cpu_ratio is not None
    assert abs(frame.host.cpu_ratio - 0.45) < 0.02
    usage = rows[1].items[0].usage
    assert usage is not None
    assert usage.cpu_cores is not None
    assert abs(usage.cpu_cores - 1.5) < 0.01


def test_a_container_is_explained_by_its_own_host() -> None:
    source, maker, _ = fleet(a=of("api"), b=of("batch", busy=0.99))
    frame = maker.next(source.snapshot())
    (item,) = [item for item in frame.items if item.title == "api"]
    text = "\n".join(
        "".join(span.text for span in line) for line in why_panel(frame, item, 100, UNICODE).lines
    )
    assert "a: 4 CPUs 30% busy" in text
    assert "cpu_throttled" in text


def test_groups_and_filters_know_the_host() -> None:
    source, maker, _ = fleet(a=of("api"), b=of("batch", "web"))
    frame = maker.next(source.snapshot())
    grouped = rows_of(frame, View(group="host"))
    assert [row.label for row in grouped if row.is_group] == ["a", "b"]
    kept = rows_of(frame, View(filter="host=b cpu>1"))
    assert [row.label for row in kept] == ["batch"]


def test_the_same_scrape_seen_twice_is_one() -> None:
    source, maker, clock = fleet(a=of("batch"))
    maker.next(source.snapshot())
    clock.now += 0.4
    frame = maker.next(source.snapshot())
    usage = frame.items[-1].usage
    assert usage is not None
    assert usage.cpu_cores is not None


def test_a_host_that_is_no_longer_scraped_is_said_and_not_shown() -> None:
    clock = Clock()
    prometheus = Scraped({"a": pages(of("api")), "b": pages(of("web"))})
    source, maker = FleetSource(prometheus, "", clock), FleetMaker(10.0, clock)
    maker.next(source.snapshot())
    prometheus.stop_scraping("b")
    clock.now += 10
    frame = maker.next(source.snapshot())
    assert {item.on for item in frame.items} == {"a"}
    (silent,) = frame.health
    assert (silent.source, silent.message) == ("b", "not scraped for 10 s")
