"""agent/logs/stats.py"""

from __future__ import annotations

import pytest

from agent.logs.stats import ContainerCounters, DestinationCounters, WorkerCounters, WorkerStats


def stats() -> WorkerStats:
    container = ContainerCounters("/x.log", id="abc", lines=3, lag_bytes=None)
    container.lose("truncated", lost_bytes=10)
    container.lose("truncated", lost_bytes=5)
    other = ContainerCounters("/y.log", lag_bytes=0)
    other.lose("too_long", lost_bytes=7, lines=1)
    other.lose("truncated", lost_bytes=1)
    destination = DestinationCounters("fluentd", chunks=2, connected=True, last_error="é")
    return WorkerStats([container, other], destination, WorkerCounters(files=2))


def test_one_line_of_json_there_and_back() -> None:
    line = stats().to_json()
    assert line.count(b"\n") == 1
    assert WorkerStats.from_json(line) == stats()


def test_absent_and_zero_stay_two_values() -> None:
    back = WorkerStats.from_json(stats().to_json())
    assert [container.lag_bytes for container in back.containers] == [None, 0]


def test_losses_of_all_containers_together() -> None:
    total = stats().total_lost()
    assert (total["truncated"].times, total["truncated"].bytes) == (3, 16)
    assert total["too_long"].lines == 1


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"{}", b'{"containers":[{}],"destination":{},"worker":{}}', b"null"]
)
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        WorkerStats.from_json(line)
