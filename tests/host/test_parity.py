"""The comparison of two pages, and what makes a recorded one small."""

from __future__ import annotations

from tests.host.parity import Scrape, bracket, is_within, missing, parse
from tests.host.record_kubelet_page import shortened

PAGE = """\
# TYPE container_memory_failcnt counter
container_memory_failcnt{id="/"} 3 1795558019822
# TYPE a gauge
a{id="/",pod="x"} 1
"""
KEY = ("a", (("id", "/"), ("pod", "x")))


def scrape(begun: float, number: float) -> Scrape:
    return Scrape(begun, begun + 0.1, parse(f'a{{pod="x",id="/"}} {number}\n'))


def test_names_types_and_times_are_as_they_stand() -> None:
    found = parse(PAGE)
    assert found.names == {"container_memory_failcnt", "a"}
    assert found.types["container_memory_failcnt"] == "counter"
    told = found.told["container_memory_failcnt", (("id", "/"),)]
    assert (told.value, told.at) == (3, 1795558019.822)
    assert found.told[KEY].at is None


def test_a_series_with_another_label_is_missing() -> None:
    assert missing(parse(PAGE), parse('a{id="/",pod="x"} 9\n')) == [
        ("container_memory_failcnt", (("id", "/"),))
    ]
    assert KEY in missing(parse(PAGE), parse('a{id="/",pod="x",more="1"} 1\n'))


def test_a_number_lies_between_the_pages_before_and_after_its_time() -> None:
    scrapes = [scrape(at, number) for at, number in ((10, 1), (11, 2), (12, 5), (14, 7), (15, 9))]
    assert bracket(scrapes, KEY, 11.5) == [2, 5, 7]
    assert bracket(scrapes, KEY, 10.0) == []
    assert bracket(scrapes, KEY, 14.5) == []
    assert is_within(6, [2, 5, 7])
    assert not is_within(7.1, [2, 5, 7])
    assert is_within(7.1, [2, 5, 7], 0.1)


def test_a_recorded_page_has_one_pod_and_does_not_name_the_machine() -> None:
    node = "/agent-test-7-kubelet/node"
    page = (
        "# TYPE a gauge\n"
        'a{id="/",device="x"} 1\n'
        'a{id="/",device="y"} 1\n'
        f'a{{id="{node}/kubepods",pod=""}} 1\n'
        f'a{{id="{node}/kubepods/podu/1",pod="web",container="app"}} 1\n'
        f'a{{id="{node}/kubepods/podu/2",pod="web",container="side"}} 1\n'
        f'a{{id="{node}/kubepods/podv",pod="other",container=""}} 1\n'
        'a{id="/docker/3"} 1\n'
        'm{machine_id="secret"} 1\n'
    )
    assert shortened(page, "web").splitlines() == [
        "# TYPE a gauge",
        'a{id="/",device="x"} 1',
        'a{id="/kubepods",pod=""} 1',
        'a{id="/kubepods/podu/1",pod="web",container="app"} 1',
        'm{machine_id="…"} 1',
    ]
