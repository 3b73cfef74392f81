from __future__ import annotations

from agent.bpf.rtt_counts import BUCKETS, RttCounts, Trips
from agent.trace.rtt import headline, rows, since, table, together


def trips(segments: int, ns: int, bucket: int = 16) -> Trips:
    buckets = [0] * BUCKETS
    buckets[bucket] = segments
    return Trips(segments * ns, tuple(buckets))


NEAR, FAR = "192.0.2.7", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"


def test_a_containers_cgroups_are_added_up() -> None:
    one = RttCounts(trips(3, 100_000), {NEAR: trips(3, 100_000)})
    other = RttCounts(trips(7, 100_000), {NEAR: trips(4, 100_000), FAR: trips(3, 100_000)})
    assert together([one, other]) == {NEAR: trips(7, 100_000), FAR: trips(3, 100_000)}
    assert together([]) == {}


def test_only_what_arrived_since_is_left() -> None:
    old = {NEAR: trips(3, 100_000), FAR: trips(5, 100_000)}
    new = {NEAR: trips(104, 100_000), FAR: trips(5, 100_000)}
    assert since(new, old) == {NEAR: trips(101, 100_000)}


def test_the_slowest_is_first() -> None:
    peers = {NEAR: trips(101, 100_000), FAR: trips(13, 80_000_000, 26)}
    lines = table(peers)
    assert lines == [
        "PEER                                     SEGMENTS    AVG    P50    P90    P99",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff         13   80ms  101ms  128ms  134ms",
        "192.0.2.7                                     101  100us   98us  125us  130us",
    ]
    assert max(map(len, lines)) <= 80
    assert len(table(peers, 1)) == 2
    assert headline(peers, 2.0) == "57 segments/s, round trip 9.2ms on average"


def test_nothing_is_a_table_without_rows() -> None:
    assert len(table({})) == 1
    assert headline({}, 1.0) == "0 segments/s, no round trip"


def test_json_has_base_units() -> None:
    (row,) = rows({NEAR: trips(101, 100_000)})
    assert (row["peer"], row["segments"], row["average_seconds"]) == (NEAR, 101, 0.0001)
    assert row["p50_seconds"] is not None
    assert 2**16 < row["p50_seconds"] * 1e9 < 2**17
