"""Charts over hours, from a real ring of Snapshots made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.history.ring import Bounds, Ring
from agent.lifecycle.totals import Identity
from agent.model import Snapshot
from agent.webpage.chart import Point
from agent.webpage.site import Site
from agent.webpage.timeline import POINTS, Timelines, thinned
from tests.agent.snapshots import WALL, docker, reading, sample, snapshot
from tests.agent.webpage.test_site import get, tags

WEB = Identity("", "", "", "web")
FIELDS = ("cpu_cores", "memory_working_set")


def web(seconds: float, *, cores: float = 0.5, inode: int = 1) -> Snapshot:
    made = reading(usage_usec=int(seconds * cores * 1_000_000))
    return snapshot(
        sample(made, inode=inode, path=f"/docker/{inode}", container=docker("web"), at=seconds),
        at=seconds,
    )


def ring(directory: Path, taken: Sequence[Snapshot]) -> None:
    written = Ring(str(directory), Bounds(10**9, 1e9))
    for one in taken:
        written.add(one)
    written.close()


def timelines(directory: Path, seconds: float) -> Timelines:
    return Timelines(str(directory), FIELDS, lambda: WALL + seconds)


def known(points: Sequence[Point]) -> list[float]:
    return [value for _, value in points if value is not None]


def test_an_hour_is_drawn_from_every_snapshot(tmp_path: Path) -> None:
    ring(tmp_path, [web(seconds) for seconds in range(0, 3601, 10)])
    timeline = timelines(tmp_path, 3600).of(WEB, "1h")
    assert timeline is not None
    assert len(known(timeline["cpu_cores"])) == POINTS
    assert set(known(timeline["cpu_cores"])) == {0.5}
    assert timeline["cpu_cores"][0] == (WALL, None)


def test_a_day_is_drawn_from_averages_of_five_minutes(tmp_path: Path) -> None:
    ring(tmp_path, [web(seconds) for seconds in range(0, 7201, 60)])
    timeline = timelines(tmp_path, 7200).of(WEB, "24h")
    assert timeline is not None
    assert set(known(timeline["cpu_cores"])) == {0.5}
    assert 0 < len(known(timeline["cpu_cores"])) < 24


def test_a_container_is_known_over_its_restarts(tmp_path: Path) -> None:
    first = [web(seconds) for seconds in range(0, 1000, 10)]
    second = [web(seconds, inode=2) for seconds in range(1000, 2001, 10)]
    ring(tmp_path, [*first, *second])
    timeline = timelines(tmp_path, 2000).of(WEB, "1h")
    assert timeline is not None
    times = [at - WALL for at, value in timeline["cpu_cores"] if value is not None]
    assert min(times) < 100
    assert max(times) > 1900


def test_a_history_that_cannot_be_read_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.touch()
    for directory, times in ((tmp_path / "none", 0), (file, 1)):
        charts = timelines(directory, 0)
        caplog.clear()
        assert [charts.of(WEB, "1h") for _ in range(2)] == [None, None]
        assert [str(directory) in line for line in caplog.messages] == [True] * times


def test_only_what_is_new_is_read_again(tmp_path: Path) -> None:
    ring(tmp_path, [web(seconds) for seconds in range(0, 601, 10)])
    now = [WALL + 600]
    kept = Timelines(str(tmp_path), FIELDS, lambda: now[0])
    before = kept.of(WEB, "1h")
    ring(tmp_path, [web(seconds, cores=2) for seconds in range(610, 661, 10)])
    assert kept.of(WEB, "1h") == before
    now[0] += 60
    after = kept.of(WEB, "1h")
    assert after is not None
    assert max(known(after["cpu_cores"])) > 1.9


@pytest.mark.parametrize("there", [True, False])
def test_without_a_history_there_is_no_timeline(tmp_path: Path, there: bool) -> None:
    directory = tmp_path if there else tmp_path / "nowhere"
    assert timelines(directory, 0).of(WEB, "1h") is None


@given(st.lists(st.tuples(st.floats(0, 3600), st.none() | st.floats(0, 1e9)), max_size=400))
def test_thinning_keeps_the_peak_the_order_and_the_bound(points: list[tuple[float, float]]) -> None:
    points.sort(key=lambda point: point[0])
    made = thinned(points, 0.0, 3600.0)
    times = [at for at, _ in made]
    assert times == sorted(times)
    assert len(known(made)) <= POINTS
    assert len(made) <= 2 * POINTS + 2
    assert max(known(made), default=None) == max(known(points), default=None)


def test_a_gap_stays_a_gap() -> None:
    made = thinned([(30.0, 1.0), (60.0, 1.0), (1800.0, 1.0), (1830.0, 1.0)], 0.0, 3600.0)
    values = [value for _, value in made]
    assert values == [None, 1.0, 1.0, None, 1.0, 1.0, None]


def page(directory: Path, query: str) -> str:
    from time import time

    # As old as the clock of the page takes for the last hour.
    start = time() - WALL - 3600
    taken = [web(start + seconds) for seconds in range(0, 3601, 10)]
    ring(directory, taken)
    window = taken[-6:]
    site = Site("n", lambda: window[-1], lambda: window, local=True, history=str(directory))
    return get(query, of=site)


def test_the_page_offers_lengths_and_stays_small(tmp_path: Path) -> None:
    markup = page(tmp_path, "container=1")
    assert "the last <a" in markup
    assert '<a href="/?container=1&amp;range=1h" aria-current="true">1h</a>' in markup
    assert len(markup.encode()) < 60_000
    tags(markup)


def test_the_minute_may_be_asked_for(tmp_path: Path) -> None:
    markup = page(tmp_path, "container=1&range=1m")
    assert '<a href="/?container=1&amp;range=1m" aria-current="true">1m</a>' in markup


def test_without_a_history_there_is_no_choice() -> None:
    assert "<nav" not in get("container=100")
