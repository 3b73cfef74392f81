"""What a browser gets, from Snapshots built by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.reading import CgroupReading
from agent.exchange import Request
from agent.model import Snapshot
from agent.webpage.html import policy
from agent.webpage.site import Site
from tests.agent.diagnosis.scenes import look
from tests.agent.snapshots import MIB, docker, reading

SECOND = 1_000_000
EVIL = "<script>alert(1)</script>\"'&"


class Tags(HTMLParser):
    """Elements as they are opened, and that they are closed in order."""

    VOID = ("meta", "input", "path", "link", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def tags(markup: str) -> Tags:
    parser = Tags()
    parser.feed(markup)
    parser.close()
    assert parser.open == []
    return parser


def throttled(tick: int) -> CgroupReading:
    return reading(
        usage_usec=round(tick * 0.2 * SECOND),
        periods=tick * 10,
        throttled=tick * 6,
        throttled_usec=tick * SECOND // 2,
        cpu_max=CpuMax(20_000, 100_000),
    )


def snapshots() -> list[Snapshot]:
    ticks = range(12)
    quiet = [reading(usage_usec=tick * 9 * SECOND // 10) for tick in ticks]
    return look(
        {"api": [throttled(tick) for tick in ticks], "web": quiet, "evil": quiet},
        containers={"evil": replace(docker(EVIL), image=EVIL)},
    )


def site(taken: Sequence[Snapshot] | None = None, *, local: bool = True) -> Site:
    kept = snapshots() if taken is None else taken
    return Site("node-07", lambda: kept[-1], lambda: kept, local=local)


def get(query: str = "", of: Site | None = None) -> str:
    response = (of or site()).answer(Request(query, "localhost:9464", ""))
    assert response.status == "200 OK"
    return b"".join(response.body).decode()


def names(markup: str) -> list[str]:
    rows = markup.partition("<tbody>")[2].split("<tr>")[1:]
    return [row.partition("</a>")[0].rpartition(">")[2] for row in rows]


def test_the_container_in_trouble_comes_first_and_says_why() -> None:
    markup = get()
    assert names(markup)[0] == "api"
    assert "✖ throttled 60% of periods" in markup
    assert "1 with a finding" in markup


def test_it_says_what_of_the_agent_does_not_work() -> None:
    kept = snapshots()
    lacks = ["probes tcp do not count: this process lacks CAP_BPF", f"destination {EVIL}"]
    markup = get(of=Site("n", lambda: kept[-1], lambda: kept, local=True, lacking=lambda: lacks))
    tags(markup)
    degraded = markup.partition("The agent is degraded:")[2].partition("</section>")[0]
    assert lacks[0] in degraded
    assert "&lt;script&gt;" in degraded
    assert "degraded" not in get().partition("<body>")[2]


def test_a_notice_is_no_fault_of_the_hosts() -> None:
    busy = [reading(disk=(IoStat(8, 0, 0, tick * 9 * MIB, 0, tick),)) for tick in range(12)]
    markup = get(of=site(look({"backup": busy})))
    assert "writes 9.0MB/s" in markup
    assert '<b class="good">0 with a finding' in markup


def test_the_page_is_one_small_file_that_fetches_nothing() -> None:
    markup = get(of=site(look({"web": [reading()]})))
    assert len(markup.encode()) < 60_000
    seen = tags(markup)
    assert not {"link", "img", "iframe"} & set(seen.seen)
    assert "http://" not in markup
    assert "https://" not in markup


@pytest.mark.parametrize("query", ["", "all=1", "sort=cpu&reverse=1", "container=102", "part=1"])
def test_names_are_text_whatever_they_hold(query: str) -> None:
    markup = get(query)
    assert "<script>alert" not in markup
    seen = tags(markup)
    assert seen.handlers == []
    assert seen.seen.count("script") == (0 if "part" in query else 1)


def test_sorting_filtering_and_everything() -> None:
    assert names(get("sort=name"))[-2:] == ["api", "web"]
    assert names(get("sort=name&reverse=1"))[0] == "web"
    assert names(get("filter=web")) == ["web"]
    assert "1 of 3 shown" in get("filter=web")
    assert 'value="&lt;b&gt;"' in get("filter=%3Cb%3E")
    assert names(get("filter=cpu%3E0.8"))[-1:] == ["web"]


def test_a_filter_that_is_none_says_where() -> None:
    markup = get("filter=cpu%3Ex")
    assert "filter: at 5: cpu is compared with a number of cores" in markup
    assert "web" in names(markup)


def test_one_container_with_its_evidence_and_charts() -> None:
    markup = get("container=100&sort=cpu")
    assert "60% of CFS periods throttled" in markup
    assert "cpu.stat nr_throttled" in markup
    assert "raise or drop the CPU limit" in markup
    assert markup.count("<figure") == 6
    assert 'href="/?sort=cpu"' in markup
    assert "filter" not in markup.partition("<main")[0].partition("</style>")[2]


def test_a_container_that_has_ended_is_said_and_the_others_are_shown() -> None:
    markup = get("container=999")
    assert "This container has ended." in markup
    assert "web" in names(markup)


def test_what_cannot_be_understood_shows_the_table() -> None:
    assert "api" in names(get("sort=%00&container=x&filter=&nonsense"))


def test_a_browser_that_has_it_gets_no_second_copy() -> None:
    of = site()
    first = of.answer(Request("part=1", "localhost", ""))
    tag = dict(first.headers)["ETag"]
    assert of.answer(Request("part=1", "localhost", tag)).status == "304 Not Modified"
    # The whole page is never answered so: a reload shows it anew.
    assert of.answer(Request("", "localhost", tag)).status == "200 OK"


def test_no_markup_but_the_own_style_and_script_may_run() -> None:
    assert (
        dict(site().answer(Request("", "localhost", "")).headers)["Content-Security-Policy"]
        == policy()
    )
    assert policy().startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy()


@pytest.mark.parametrize(
    ("host", "let_in"),
    [
        ("localhost:9464", True),
        ("127.0.0.1", True),
        ("127.0.0.1:9464", True),
        ("[::1]:9464", True),
        ("[::1]", True),
        ("evil.example:9464", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:9464", False),
        ("", False),
    ],
)
def test_on_the_loopback_another_sites_name_reads_nothing(host: str, let_in: bool) -> None:
    status = "200 OK" if let_in else "421 Misdirected Request"
    assert site().answer(Request("", host, "")).status == status
    assert site(local=False).answer(Request("", host, "")).status == "200 OK"


def test_a_host_without_containers_says_so() -> None:
    kept = [replace(snapshot, samples=()) for snapshot in snapshots()]
    assert "no container runs here" in get(of=site(kept))


def test_before_there_is_a_second_reading_rates_are_not_known() -> None:
    markup = get(of=site(snapshots()[:1]))
    assert "–" in markup
    tags(markup)
