"""agent/logs/collector.py: what a page says of log workers."""

from __future__ import annotations

from agent.families import write
from agent.logs.collector import LogCollector
from agent.logs.stats import ContainerCounters, DestinationCounters, WorkerCounters, WorkerStats


def page(stats: WorkerStats | None) -> dict[str, float]:
    collector = LogCollector()
    collector.add("fluentd a:1", lambda: 2, lambda: True)
    if stats is not None:
        collector.update("fluentd a:1", stats)
    lines = write(collector.collect()).decode().splitlines()
    rows = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {series: float(value) for series, _space, value in rows}


def stats() -> WorkerStats:
    container = ContainerCounters(
        "/x.log", name="web", lines=9, lag_bytes=5, lag_seconds=1.5, filtered=1, sampled=2,
        throttled=3, throttled_seconds=0.5, redacted=4,
    )  # fmt: skip
    unknown = ContainerCounters("/y.log", name="db")
    destination = DestinationCounters("fluentd")
    for seconds in (0.001, 0.02, 0.02, 60.0):
        destination.acknowledged(seconds)
    destination.failed("connection to 10.0.0.7:24224 refused (try 12)", 1_795_000_000.0)
    return WorkerStats([container, unknown], destination, WorkerCounters())


def value(found: dict[str, float], name: str, *labels: str) -> float:
    (only,) = [
        value
        for series, value in found.items()
        if series.startswith(name + "{") and all(label in series for label in labels)
    ]
    return only


def test_what_rules_left_out_is_told_per_container() -> None:
    found = page(stats())
    for name, wanted in (
        ("agent_log_filtered_records_total", 1),
        ("agent_log_sampled_records_total", 2),
        ("agent_log_throttled_records_total", 3),
        ("agent_log_throttled_seconds_total", 0.5),
        ("agent_log_redactions_total", 4),
        ("agent_log_lag_seconds", 1.5),
    ):
        assert value(found, name, 'name="web"') == wanted


def test_a_lag_that_is_not_known_has_no_series() -> None:
    assert not [s for s in page(stats()) if s.startswith("agent_log_lag") and 'name="db"' in s]


def test_deliveries_are_a_histogram() -> None:
    found = page(stats())
    bucket = "agent_log_ack_seconds_bucket"
    assert value(found, bucket, 'le="0.005"') == 1
    assert value(found, bucket, 'le="0.025"') == 3
    assert value(found, bucket, 'le="10.0"') == 3
    assert value(found, bucket, 'le="+Inf"') == 4
    assert value(found, "agent_log_ack_seconds_count") == 4
    assert round(value(found, "agent_log_ack_seconds_sum"), 3) == 60.041


def test_the_last_error_is_one_series_without_numbers() -> None:
    found = page(stats())
    name = "agent_log_last_error_info"
    assert value(found, name, 'error="connection to #.#.#.#:# refused (try #)"') == 1
    assert value(found, "agent_log_last_error_timestamp_seconds") == 1_795_000_000


def test_before_the_first_statistics_only_restarts_are_known() -> None:
    found = page(None)
    assert value(found, "agent_log_worker_restarts_total") == 2
    others = [series for series in found if "{" in series and "restarts" not in series]
    assert {series.partition("{")[0] for series in others} == {"agent_log_losses_by_cause_total"}
    assert {found[series] for series in others} == {0.0}


def test_the_compiled_loop_is_told_where_the_destination_could_have_one() -> None:
    assert not [series for series in page(stats()) if series.startswith("agent_log_native")]
    for native in (False, True):
        told = stats()
        told.worker.native = native
        assert value(page(told), "agent_log_native", 'destination="fluentd a:1"') == native


def test_a_destination_that_does_not_take_lines_is_lacking_until_it_does() -> None:
    running = True
    collector = LogCollector()
    collector.add("fluentd a:1", lambda: 0, lambda: running)
    assert list(collector.lacking()) == []
    stats = WorkerStats([], DestinationCounters("fluentd", refusing="no"), WorkerCounters())
    collector.update("fluentd a:1", stats)
    assert list(collector.lacking()) == ["logs to fluentd a:1: it does not take lines now: no"]
    collector.update(
        "fluentd a:1", WorkerStats([], DestinationCounters("fluentd"), WorkerCounters())
    )
    assert list(collector.lacking()) == []
    running = False
    assert "the worker does not run" in next(collector.lacking())


def test_losses_are_there_before_the_first_and_stay_when_their_container_is_gone() -> None:
    collector = LogCollector()
    collector.add("d", lambda: 0, lambda: True)

    def told(*containers: ContainerCounters) -> float:
        collector.update(
            "d", WorkerStats([*containers], DestinationCounters("d"), WorkerCounters())
        )
        text = write(collector.collect()).decode()
        (line,) = [
            line for line in text.splitlines()
            if line.startswith("agent_log_losses_by_cause_total{") and 'cause="unlinked"' in line
        ]  # fmt: skip
        return float(line.rpartition(" ")[2])

    one, two = ContainerCounters("/x.log"), ContainerCounters("/y.log")
    assert told(one) == 0
    one.lose("unlinked", lost_bytes=7)
    assert told(one) == 1
    assert told(one) == 1
    two.lose("unlinked")
    assert told(one, two) == 2
    assert told(two) == 2, "its own series have ended"
    assert told(ContainerCounters("/y.log")) == 2, "the worker was started again"
    again = ContainerCounters("/y.log")
    again.lose("unlinked")
    assert told(again) == 3


def test_parts_of_chunks_that_were_refused_are_losses_by_cause() -> None:
    collector = LogCollector()
    collector.add("loki", lambda: 0, lambda: True)

    def told(parts: int) -> float:
        one = stats()
        one.destination.rejected_parts = parts
        collector.update("loki", one)
        text = write(collector.collect()).decode()
        (line,) = (x for x in text.splitlines() if x.startswith("agent_log_losses_by_cause_total")
                   and 'cause="rejected"' in x)  # fmt: skip
        return float(line.rpartition(" ")[2])

    assert [told(0), told(2), told(2), told(3)] == [0, 2, 2, 3]
    assert told(1) == 4, "the worker was started again"


def test_a_destination_that_loses_what_it_gets_is_lacking() -> None:
    collector = LogCollector()
    collector.add("loki", lambda: 0, lambda: True)
    one = stats()
    one.destination.rejecting = "400 too old"
    collector.update("loki", one)
    assert list(collector.lacking()) == [
        "logs to loki: it refuses lines for good, which are lost: 400 too old"
    ]


def test_lost_lines_are_told_where_their_number_is_known() -> None:
    told = stats()
    told.containers[0].lose("rejected", lines=12)
    told.containers[0].lose("unlinked", lost_bytes=99)
    found = page(told)
    assert value(found, "agent_log_lost_lines_total", 'cause="rejected"') == 12
    assert not [s for s in found if s.startswith("agent_log_lost_lines") and "unlinked" in s]
    assert value(found, "agent_log_lost_bytes_total", 'cause="unlinked"') == 99


def test_what_is_held_open_is_told() -> None:
    told = stats()
    told.worker.files, told.worker.held_bytes = 3, 4096
    found = page(told)
    assert value(found, "agent_log_open_files") == 3
    assert value(found, "agent_log_held_bytes") == 4096
