"""Remote write's requests: read back by a decoder written from the specification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from agent.container.container import Container
from agent.model import Snapshot
from agent.protobuf import Malformed
from exporters.prometheus.catalog import metrics_of, select
from exporters.prometheus.encoder import Encoder
from exporters.prometheus.labels import kubelet_labels
from exporters.prometheus.metric import (
    AnyMetric,
    Labels,
    Metric,
    Number,
    Series,
    SnapshotMetric,
)
from exporters.prometheus.remote_write.message import to_version_1
from exporters.prometheus.remote_write.series import Family, SeriesEncoder
from tests.agent.snapshots import WALL, docker, interface, pod, sample, snapshot
from tests.remote_write_decoder import Written, decode_1, decode_2

Rows = list[tuple[Labels, Number | None]]
EXTERNAL: Labels = (("job", "cadvisor"), ("instance", "host-1"))
GAUGE = Metric(name="x_bytes", type="gauge", source="", help="X.", read=lambda *_: (((), 1.5),))


def encode(encoder: SeriesEncoder, made: Snapshot, own: Sequence[Family] = ()) -> list[Written]:
    return [written for request in encoder.encode(made, own) for written in decode_2(request.body)]


def whole_page() -> SeriesEncoder:
    return SeriesEncoder(metrics_of(select()), kubelet_labels, EXTERNAL)


def two_containers() -> Snapshot:
    return snapshot(
        sample(inode=1, path="/docker/a1", container=docker("web"), network=(interface(),)),
        sample(inode=2, path="/kubepods/pod1/b2", container=pod("shop", "cart", "app")),
    )


def test_every_series_of_the_page_is_written_with_the_labels_a_scrape_adds() -> None:
    made = two_containers()
    page = b"".join(Encoder().encode(made)).decode()
    scraped = {}
    for family in text_string_to_metric_families(page):
        for found in family.samples:
            labels = {name: value for name, value in found.labels.items() if value}
            labels |= {"__name__": found.name, **dict(EXTERNAL)}
            scraped[tuple(sorted(labels.items()))] = found.value
    written = encode(whole_page(), made)
    assert len(scraped) > 50
    assert {one.labels: one.value for one in written} == pytest.approx(scraped)
    assert {one.milliseconds for one in written} == {round(WALL * 1000)}


def test_each_series_has_its_type_help_and_unit() -> None:
    (cpu,) = (
        one
        for one in encode(whole_page(), snapshot(sample(container=docker("web"))))
        if one.name == "container_cpu_usage_seconds_total" and dict(one.labels).get("name") == "web"
    )
    assert (cpu.type, cpu.unit) == (1, "seconds")
    assert cpu.help.startswith("CPU time")


def test_a_series_that_ends_gets_a_stale_marker_once() -> None:
    encoder = whole_page()
    made = two_containers()
    first = encode(encoder, made)
    assert not any(one.stale for one in first)
    gone = replace(made, samples=made.samples[:1], wall_time=WALL + 15)
    second = encode(encoder, gone)
    ended = {one.labels for one in second if one.stale}
    assert ended == {one.labels for one in first if dict(one.labels).get("pod") == "cart"}
    assert {one.milliseconds for one in second} == {round((WALL + 15) * 1000)}
    assert not any(one.stale for one in encode(encoder, gone))


def test_one_series_of_a_container_that_ends_is_marked_alone() -> None:
    encoder = whole_page()
    both = sample(container=docker("web"), network=(interface("eth0"), interface("eth1")))
    encode(encoder, snapshot(both))
    left = sample(container=docker("web"), network=(interface("eth0"),))
    ended = [one for one in encode(encoder, snapshot(left)) if one.stale]
    assert ended
    assert {dict(one.labels)["interface"] for one in ended} == {"eth1"}


def test_a_container_that_gets_its_name_later_ends_its_nameless_series() -> None:
    encoder = SeriesEncoder([GAUGE], kubelet_labels, ())
    encode(encoder, snapshot(sample(container=replace(docker("web"), image=""))))
    later = encode(encoder, snapshot(sample(container=docker("web"))))
    assert [(one.stale, dict(one.labels).get("image")) for one in later] == [
        (False, "demo:1"),
        (True, None),
    ]


def test_a_container_made_anew_under_its_path_goes_on_with_its_series() -> None:
    encoder = SeriesEncoder([GAUGE], kubelet_labels, ())
    encode(encoder, snapshot(sample(inode=1, container=docker("web"))))
    again = encode(encoder, snapshot(sample(inode=2, container=docker("web"))))
    assert [one.stale for one in again] == [False]


def test_new_facts_without_new_labels_go_on_with_the_same_series() -> None:
    encoder = SeriesEncoder([GAUGE], kubelet_labels, ())
    encode(encoder, snapshot(sample(container=docker("web"))))
    again = encode(encoder, snapshot(sample(container=replace(docker("web"), pid=7))))
    assert [one.stale for one in again] == [False]


def test_a_label_of_the_series_beats_an_external_one() -> None:
    encoder = SeriesEncoder([GAUGE], kubelet_labels, (("name", "outside"), ("zone", "a")))
    (one,) = encode(encoder, snapshot(sample(container=docker("web"))))
    assert dict(one.labels)["name"] == "web"
    assert dict(one.labels)["zone"] == "a"


def test_the_agents_own_metrics_are_written_and_end_too() -> None:
    encoder = SeriesEncoder([], kubelet_labels, EXTERNAL)
    own = [Family("agent_x_total", "counter", "X.", [((("cause", "a"),), 3), ((), 4)])]
    first = encode(encoder, snapshot(), own)
    assert [(one.value, one.type) for one in first] == [(3, 1), (4, 1)]
    assert dict(first[0].labels)["cause"] == "a"
    assert [one.stale for one in encode(encoder, snapshot())] == [True, True]


def test_only_wanted_metrics_are_written() -> None:
    encoder = SeriesEncoder(metrics_of(select()), kubelet_labels, (), lambda name: "cpu" in name)
    names = {one.name for one in encode(encoder, two_containers())}
    assert names
    assert all("cpu" in name for name in names)


def test_a_large_snapshot_is_several_requests_that_each_stand_alone() -> None:
    many = snapshot(
        *(sample(inode=n, path=f"/docker/{n}", container=docker(f"c{n}")) for n in range(600))
    )
    requests = list(whole_page().encode(many))
    assert len(requests) > 1
    for request in requests:
        assert len(decode_2(request.body)) == request.samples <= 12_000


def test_symbols_of_containers_long_gone_are_dropped() -> None:
    encoder = SeriesEncoder([GAUGE], kubelet_labels, ())
    sizes = []
    for n in range(200):
        (request,) = encoder.encode(
            snapshot(sample(inode=n, path=f"/docker/{n}", container=docker(f"c{n}")))
        )
        sizes.append(len(request.body))
        stale = [one.stale for one in decode_2(request.body)]
        assert stale == ([False] if n == 0 else [False, True])
    assert max(sizes) < 4000


def test_version_1_says_the_same() -> None:
    encoder = whole_page()
    encode(encoder, two_containers())
    (request,) = encoder.encode(snapshot(two_containers().samples[0], at=15))
    second = decode_2(request.body)
    first, metadata = decode_1(to_version_1(request.body))
    assert [(one.labels, one.stale, one.milliseconds) for one in first] == [
        (one.labels, one.stale, one.milliseconds) for one in second
    ]
    assert [one.value for one in first if not one.stale] == [
        one.value for one in second if not one.stale
    ]
    assert {(one.name, one.type, one.help) for one in metadata} == {
        (one.name, one.type, one.help) for one in second
    }


@given(st.binary())
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        to_version_1(data)
    except Malformed:
        pass


names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
texts = st.text(max_size=12)
subjects = st.builds(
    Container,
    runtime=st.just("docker"),
    id=st.just("1"),
    name=texts,
    image=texts,
    pod=texts,
    namespace=texts,
    container=texts,
)
numbers = st.one_of(st.integers(-(2**62), 2**63), st.floats(allow_nan=False), st.just(float("inf")))


@settings(deadline=None)
@given(st.data())
def test_any_history_of_containers_leaves_exactly_the_living_series(data: st.DataObject) -> None:
    """A model: the set of series that were written and not marked stale is what is there now."""
    rows: dict[str, Rows] = {}
    about_all: Rows = []

    def reader(number: int) -> Series:
        return lambda found, _: rows[f"{number}{found.cgroup.path}"]

    metrics_all: list[AnyMetric] = [
        Metric(name=f"m{number}_total", type="counter", source="", help="M.", read=reader(number))
        for number in range(3)
    ]
    metrics_all.append(
        SnapshotMetric(name="all", type="gauge", source="", help="", read=lambda _: about_all)
    )
    encoder = SeriesEncoder(metrics_all, kubelet_labels, ())
    alive: dict[tuple[tuple[str, str], ...], float] = {}
    for tick in range(data.draw(st.integers(1, 5))):
        rows.clear()
        samples = []
        expected: dict[tuple[tuple[str, str], ...], float] = {}
        for inode in sorted(data.draw(st.sets(st.integers(1, 4)))):
            path = f"/docker/{inode % 3}{inode}"
            container = data.draw(subjects)
            samples.append(sample(inode=inode, path=path, container=container))
            for number in range(3):
                own = data.draw(st.lists(st.sampled_from("abc"), unique=True, max_size=3))
                values = [data.draw(st.none() | numbers) for _ in own]
                rows[f"{number}{path}"] = [
                    ((("device", name),), value) for name, value in zip(own, values, strict=True)
                ]
                for name, value in zip(own, values, strict=True):
                    if value is None:
                        continue
                    labels = {**dict(kubelet_labels(container, path)), "device": name}
                    labels["__name__"] = f"m{number}_total"
                    kept = tuple(sorted((k, v) for k, v in labels.items() if v))
                    expected[kept] = float(value)
        total = data.draw(st.none() | numbers)
        about_all[:] = [((("k", "v"),), total)]
        if total is not None:
            expected[("__name__", "all"), ("k", "v")] = float(total)
        for written in encode(encoder, snapshot(*samples, at=tick)):
            if written.stale:
                alive.pop(written.labels)
            else:
                alive[written.labels] = written.value
        assert alive == expected
