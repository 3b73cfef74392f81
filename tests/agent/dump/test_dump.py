from __future__ import annotations

import json

import jsonschema  # type: ignore[import-untyped]
import orjson
import pytest

from agent.bpf.counts import ProbeCounts
from agent.bpf.own import OwnCounts
from agent.dump.document import container_document, host_document, schema
from agent.dump.plain import plain
from agent.kernelfile import UNLIMITED
from agent.model import Snapshot
from tests.agent.history.made_up import MadeUp
from tests.agent.history.test_segment import EVENT
from tests.agent.snapshots import WALL, docker, reading, sample, snapshot


def _host(at: float) -> Snapshot:
    busy = reading(usage_usec=int(at * 500_000))
    return snapshot(
        sample(busy, inode=1, path="/docker/web", container=docker("web"), at=at),
        sample(busy, inode=2, path="/docker", at=at),
        at=at,
    )


def test_a_host_is_told_by_its_schema() -> None:
    document = json.loads(host_document(_host(0), _host(10)))
    jsonschema.validate(document, json.loads(schema("host")))
    (web, _) = document["usages"]
    assert web["cpu_cores"] == 0.5
    assert web["memory_limit"] == "max"
    assert document["snapshot"]["samples"][0]["reading"]["cpu_stat"]["usage_usec"] == 5_000_000


def test_a_container_is_told_by_its_schema() -> None:
    before, after = _host(0), _host(10)
    data = container_document(before, after, after.samples[0], [EVENT], '{"title": "web"}')
    document = json.loads(data)
    jsonschema.validate(document, json.loads(schema("container")))
    assert document["time"] == WALL + 10
    assert document["inspect"] == {"title": "web"}
    assert [one["cgroup"]["path"] for one in document["above"]] == ["/docker"]
    assert document["events"][0]["what"] == "started"


@pytest.mark.parametrize("seed", range(5))
def test_every_kind_of_snapshot_fits_the_schema(seed: int) -> None:
    described = json.loads(schema("host"))
    checked = {"$ref": "#/$defs/model.Snapshot", "$defs": described["$defs"]}
    jsonschema.validate(plain(MadeUp(seed).row(1)[0]), checked)


def test_what_is_absent_zero_and_unlimited_are_three() -> None:
    assert [plain(None), plain(0), plain(UNLIMITED)] == [None, 0, "max"]


def test_numbers_that_json_has_not_are_null_and_bytes_are_shown() -> None:
    assert plain(float("inf")) is None
    assert plain("a\udcff") == "a\\udcff"


def test_probes_are_told_by_what_they_count() -> None:
    counts = ProbeCounts([OwnCounts("opens", {"opens_total": {(1, 2): 3}})])
    assert plain(counts) == {
        "OwnCounts:opens": {
            "probe": "opens",
            "values": {"opens_total": {"[1,2]": 3}},
        }
    }


def test_what_nobody_dumps_is_refused() -> None:
    with pytest.raises(TypeError, match="nothing to dump"):
        plain(object())


def test_a_field_is_described_by_what_its_source_says() -> None:
    described = orjson.loads(schema("host"))["$defs"]["reading.CgroupReading"]["properties"]
    assert "How often a fork failed" in described["pids_events_max"]["description"]
