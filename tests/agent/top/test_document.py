"""document: the JSON a script reads."""

from __future__ import annotations

import json
from typing import Any

from agent.selection.item import Item
from agent.top.document import SCHEMA_VERSION, document
from agent.top.frame import make_frame
from agent.usage import working_set
from tests.agent.selection.items import finding
from tests.agent.snapshots import interface, sample, snapshot
from tests.agent.top.scene import frame, snapshots


def decoded() -> Any:  # JSON as a script sees it
    seen = frame()
    return json.loads(document(seen, seen.items))


def row(name: str) -> Any:
    (found,) = [each for each in decoded()["cgroups"] if each["name"] == name]
    return found


def test_it_says_its_version_the_time_and_the_host() -> None:
    body = decoded()
    assert body["schema_version"] == SCHEMA_VERSION == 1
    assert body["time"] == 1_760_000_011.0
    assert body["window"] == 1.0
    assert body["host"]["name"] == "node-07"
    assert body["host"]["cpu_ratio"] == 0.6875
    assert body["sources"][0] == {"source": "walk", "seconds": 0.001, "failures": 0, "message": ""}


def test_it_is_one_line() -> None:
    assert "\n" not in document(frame(), frame().items)


def test_numbers_are_raw_in_base_units() -> None:
    checkout = row("shop/checkout-7c9f/api")
    assert checkout["cpu_cores"] == 1.95
    assert checkout["throttled_ratio"] == 0.6
    assert checkout["memory_working_set"] == 701 * 1024**2
    assert checkout["cpu_pressure_some"] == 0.58
    assert checkout["state"] == "running"
    assert checkout["container"]["namespace"] == "shop"


def test_unlimited_unknown_and_a_limit_are_three_values() -> None:
    assert row("shop/checkout-7c9f/api")["cpu_limit_cores"] == {"limit": 2.0, "unlimited": False}
    assert row("batch-etl-28841")["cpu_limit_cores"] == {"limit": None, "unlimited": True}
    blind = row("rootless-db")
    assert blind["cpu_limit_cores"] is None
    assert blind["unknown"]["cpu_limit_cores"] == "denied"
    assert blind["unknown"]["pids"] == "unsupported"
    assert row("job")["unknown"]["cpu_cores"] == "pending"


def test_every_null_has_its_reason() -> None:
    for each in decoded()["cgroups"]:
        absent = {name for name, value in each.items() if value is None and name != "container"}
        assert absent == set(each["unknown"])


def test_counters_are_those_of_the_later_reading() -> None:
    after = {each.cgroup.inode: each for each in snapshots()[1].samples}
    for each in decoded()["cgroups"]:
        reading = after[each["cgroup"]["inode"]].reading
        counters = each["counters"]
        cpu = reading.cpu_stat
        assert counters["cpu_usage_seconds_total"] == (
            None if cpu is None or cpu.usage_usec is None else cpu.usage_usec / 1e6
        )
        assert counters["memory_working_set_bytes"] == working_set(reading)
    search = row("search")["counters"]
    assert search["fs_reads_bytes_total"] == 42_991_616
    assert search["network_receive_bytes_total"] == 90_112
    assert search["oom_events_total"] == 2
    assert row("rootless-db")["counters"]["network_receive_bytes_total"] is None


def test_no_interface_but_the_loopback_is_zero_and_not_unknown() -> None:
    seen = make_frame(
        None,
        snapshot(sample(network=(interface("lo", 5, 5),))),
        hostname="h",
        delay=1,
    )
    (each,) = json.loads(document(seen, seen.items))["cgroups"]
    assert each["counters"]["network_receive_bytes_total"] == 0


def test_a_path_that_is_not_utf8_is_written_with_its_byte() -> None:
    seen = make_frame(
        None,
        snapshot(sample(path="/a\udcff")),
        hostname="h",
        delay=1,
    )
    (each,) = json.loads(document(seen, seen.items))["cgroups"]
    assert each["cgroup"]["path"] == "/a\\udcff"


def test_what_is_wrong_is_told_and_what_has_ended_is_apart() -> None:
    checkout = row("shop/checkout-7c9f/api")
    assert checkout["findings"][0] == {
        "rule": "cpu_throttled",
        "severity": "critical",
        "summary": "throttled 60% of periods",
    }
    assert checkout["trouble"] > 300
    gone = Item(cgroup=None, container=None, usage=None, ended="cron", findings=(finding(),))
    body = json.loads(document(frame(), (gone,)))
    assert body["cgroups"] == []
    assert body["ended"][0]["name"] == "cron"
    assert body["ended"][0]["findings"][0]["rule"] == "cpu_throttled"
