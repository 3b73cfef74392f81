"""The probe "rtt": its layout and decoder, and on this kernel, through both loaders: round trips as
ss tells them, of the container that has them.
"""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.counts import ProbeCounts
from agent.bpf.entries import UnexpectedRecord
from agent.bpf.probe import Probe
from agent.bpf.probeset import LOADERS
from agent.bpf.rtt import RTT, tell_peers
from agent.bpf.rtt_counts import BUCKETS, COUNTS, KEY, NO_TRIPS, RttCounts, Trips, decode_rtt
from exporters.prometheus.groups import rtt as rtt_group
from tests.agent.bpf.test_always_on_counts import header, members
from tests.agent.bpf.test_network_probes import (
    Trio,
    opened,  # noqa: F401 a fixture
    talkers,  # noqa: F401 a fixture
    trio,  # noqa: F401 a fixture
)
from tests.exporters.prometheus.shown import any_sample, shown
from tests.host.veth import inside

ROUNDS = 101
NUMBER = st.integers(0, 2**63)
FAMILIES = {0: b"", 2: ipaddress.ip_address("192.0.2.7").packed, 10: b"\xfd" + bytes(15)}


def test_the_layout_is_the_headers() -> None:
    text = header("rtt")
    assert members(text, "rtt_key") == ["__u64 cgroup", "__u32 family", "__u32 zero"]
    assert "unsigned char peer[16];" in text
    assert members(text, "rtt_counts") == ["__u64 ns", "__u64 buckets[RTT_BUCKETS]"]
    assert re.search(rf"^#define RTT_BUCKETS {BUCKETS}\b", text, re.MULTILINE)
    assert (KEY.size, COUNTS.size) == (32, 264)


@given(
    st.dictionaries(
        st.tuples(NUMBER, st.sampled_from(sorted(FAMILIES))),
        st.tuples(NUMBER, st.lists(NUMBER, min_size=BUCKETS, max_size=BUCKETS).map(tuple)),
        max_size=5,
    )
)
def test_every_round_trip_is_found_again(
    entries: dict[tuple[int, int], tuple[int, tuple[int, ...]]],
) -> None:
    found = decode_rtt(
        (KEY.pack(cgroup, family, 0, FAMILIES[family]), COUNTS.pack(ns, *buckets))
        for (cgroup, family), (ns, buckets) in entries.items()
    )
    names = {2: "192.0.2.7", 10: "fd00::"}
    for cgroup, of in found.items():
        mine = {
            family: Trips(*entries[key])
            for key in entries
            for family in key[1:]
            if key[0] == cgroup
        }
        assert of.trips.ns == sum(trips.ns for trips in mine.values())
        assert of.trips.segments == sum(trips.segments for trips in mine.values())
        assert of.peers == {names[family]: trips for family, trips in mine.items() if family}
    assert found.keys() == {cgroup for cgroup, _ in entries}


def test_an_ipv4_address_in_ipv6_is_the_same_peer() -> None:
    mapped = ipaddress.ip_address("::ffff:192.0.2.7").packed
    keys = [KEY.pack(7, 2, 0, FAMILIES[2]), KEY.pack(7, 10, 0, mapped)]
    value = COUNTS.pack(3, 1, *[0] * (BUCKETS - 1))
    assert decode_rtt([(keys[0], value), (keys[1], value)])[7].peers == {
        "192.0.2.7": Trips(6, (2, *[0] * (BUCKETS - 1)))
    }


@given(keys=st.binary(max_size=64), values=st.binary(max_size=600))
def test_any_bytes_are_decoded_or_refused(keys: bytes, values: bytes) -> None:
    try:
        decode_rtt([(keys, values)])
    except UnexpectedRecord:
        return
    assert len(keys) % 32 == 0


def test_the_page_has_what_there_was() -> None:
    trips = Trips(101_000_000, (*[0] * 19, 101, *[0] * 12))
    sample = replace(any_sample(), probes=ProbeCounts([RttCounts(trips)]))
    page = shown(rtt_group.METRICS, sample)
    assert page["container_tcp_open_rtt_seconds_count"] == {(): 101}
    assert page["container_tcp_open_rtt_seconds_sum"] == {(): 0.101}
    assert shown(rtt_group.METRICS, any_sample()) == {}
    none = replace(any_sample(), probes=ProbeCounts([RttCounts()]))
    assert shown(rtt_group.METRICS, none) == {}


@pytest.mark.host
@pytest.mark.parametrize("loader", LOADERS)
def test_round_trips_are_as_ss_tells_them(
    loader: str,
    trio: Trio,  # noqa: F811
    opened: Any,  # noqa: F811
) -> None:
    if shutil.which("ss") is None:
        pytest.skip("needs ss (package iproute2)")
    probe = cast("Probe[RttCounts]", opened(RTT, loader))
    port = trio.listen()
    trio.client.do(f"one = socket.create_connection(({trio.address!r}, {port}))")
    trio.server.do("other = listener.accept()[0]")
    mine = trio.client.cgroup
    probe.attach()
    tell_peers(probe.maps, [mine])
    before = probe.read()
    trio.server.tell(f"for _ in range({ROUNDS}): other.sendall(other.recv(1))")
    trio.client.do(f"for _ in range({ROUNDS}): one.sendall(b'x'); one.recv(1)")
    trio.server.heard()
    after = probe.read()
    probe.detach()
    told = ss(trio.client.pid, port)
    assert after.of(trio.idle.cgroup) == before.of(trio.idle.cgroup)
    assert after.dropped == {"trips": 0}
    old, new = before.of(mine), after.of(mine)
    was, now = old.peers.get(trio.address, NO_TRIPS), new.peers[trio.address]
    # Each answer is a segment; beside it there may be acknowledgements without data.
    assert ROUNDS <= now.segments - was.segments <= 2 * ROUNDS
    there = after.of(trio.server.cgroup)
    assert there.peers == {}
    assert there.trips.segments - before.of(trio.server.cgroup).trips.segments >= ROUNDS
    # What ss tells is the last of what was seen, give or take the answer after it.
    seen = [power for power, count in enumerate(now.buckets) if count]
    assert 1 << seen[0] - 1 <= told * 1e9 <= 1 << seen[-1] + 2
    trio.client.do("one.close()")
    trio.server.do("other.close(); listener.close()")
    probe.forget([mine, trio.server.cgroup])


def ss(pid: int, port: int) -> float:
    """The round trip to this port by `ss -ti`, in seconds."""
    command = [*inside(pid), "ss", "-tinH", f"dport = :{port}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    (milliseconds,) = re.findall(r"\brtt:([0-9.]+)/", said)
    return float(milliseconds) / 1000
