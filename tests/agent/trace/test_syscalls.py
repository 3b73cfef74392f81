from __future__ import annotations

from agent.bpf.syscall_counts import BUCKETS, CallTimes
from agent.trace.buckets import human_ns, quantile
from agent.trace.syscalls import headline, rows, since, table, together


def times(calls: int, ns: int, errnos: dict[int, int] | None = None, bucket: int = 9) -> CallTimes:
    buckets = [0] * BUCKETS
    buckets[bucket] = calls
    errnos = errnos or {}
    return CallTimes(calls, sum(errnos.values()), ns, tuple(buckets), errnos)


def test_the_calls_of_a_containers_cgroups_are_added_up() -> None:
    total = together([{"read": times(3, 3000)}, {"read": times(4, 9000, {11: 2})}, {}])
    assert total == {"read": CallTimes(7, 2, 12000, (*[0] * 9, 7, *[0] * (BUCKETS - 10)), {11: 2})}


def test_only_what_happened_since_is_left() -> None:
    old = {"read": times(3, 3000), "openat": times(5, 5000, {2: 5})}
    new = {
        "read": times(3, 3000),
        "openat": times(1014, 20_000, {2: 5, 13: 1009}),
        "close": times(1, 7),
    }
    changed = since(new, old)
    assert set(changed) == {"openat", "close"}
    assert (changed["openat"].calls, changed["openat"].errors) == (1009, 1009)
    assert changed["openat"].errnos == {13: 1009}


def test_what_took_most_time_is_first_and_errors_have_their_names() -> None:
    calls = {"openat": times(10, 1000, {2: 4, 13: 1}), "futex": times(2, 3000, {110: 1})}
    assert table(calls) == [
        "CALL    %TIME   TIME  CALLS  ERR    AVG    P99  ERRORS",
        "futex    75.0  3.0us      2    1  1.5us  1.0us  ETIMEDOUT:1",
        "openat   25.0  1.0us     10    5  100ns  1.0us  ENOENT:4 EACCES:1",
    ]
    assert [line.split()[0] for line in table(calls, 1)] == ["CALL", "futex"]


def test_nothing_is_a_table_without_rows() -> None:
    assert table({}) == ["CALL  %TIME  TIME  CALLS  ERR  AVG  P99  ERRORS"]
    assert headline({}, 2.0) == "0 calls/s, 0 errors/s"


def test_json_has_base_units() -> None:
    (row,) = rows({"openat": times(4, 2_000_000_000, {2: 1}), "close": times(0, 0)})
    assert (row["call"], row["calls"], row["errors"], row["errnos"]) == (
        "openat",
        4,
        1,
        {"ENOENT": 1},
    )
    assert (row["seconds"], row["average_seconds"]) == (2.0, 0.5)


def test_a_quantile_is_within_its_bucket() -> None:
    buckets = [0] * 32
    buckets[10], buckets[20] = 99, 1
    for part in (0.01, 0.5, 0.99):
        value = quantile(buckets, part)
        assert value is not None
        assert 1024 <= value <= 2048
    assert quantile(buckets, 1.0) == 1 << 21
    assert quantile([0] * 32, 0.5) is None


def test_durations_are_short() -> None:
    assert [human_ns(ns) for ns in (0, 340, 1200, 18e6, 2.5e9, 9.97e5, 120e9)] == [
        "0ns",
        "340ns",
        "1.2us",
        "18ms",
        "2.5s",
        "997us",
        "120s",
    ]
