"""The sender against a receiver that is told what to answer; no sockets, no waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporters.prometheus.remote_write.client import Outcome, Protocol
from exporters.prometheus.remote_write.counts import Counts
from exporters.prometheus.remote_write.message import Symbols, metadata, series_start, timestamp
from exporters.prometheus.remote_write.protobuf import double
from exporters.prometheus.remote_write.queue import DiskQueue
from exporters.prometheus.remote_write.sender import Sender
from exporters.prometheus.remote_write.snappy import compress, decompress
from tests.host.daemon import wait_until
from tests.remote_write_decoder import decode_1, decode_2

WRITTEN = Outcome("written", "204")
UNKNOWN = Outcome("unknown protocol", "415", "415")


def request(value: float) -> bytes:
    symbols = Symbols()
    about = metadata(symbols, "gauge", "X.", "")
    start = series_start(symbols, [("__name__", "x")], len(about))
    return compress(symbols.encoded() + start + double(value) + timestamp(1000) + about)


class Told:
    """Answers by what it is told for the n-th attempt; WRITTEN from then on."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.bodies: list[tuple[bytes, Protocol]] = []

    def send(self, body: bytes, protocol: Protocol) -> Outcome:
        self.bodies.append((body, protocol))
        return self.outcomes.pop(0) if self.outcomes else WRITTEN

    def close(self) -> None:
        pass


class Sending:
    def __init__(self, directory: Path, receiver: Told, *, fall_back: bool = True) -> None:
        self.counts = Counts()
        self.queue = DiskQueue(str(directory), 1 << 20, self.counts.drop)
        self.waits: list[float] = []
        self.sender = Sender(
            self.queue, receiver, self.counts, "2.0", fall_back=fall_back, chance=lambda: 1.0
        )
        self.sender._stop.wait = self._wait  # type: ignore[method-assign]

    def _wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.sender._stop.is_set()

    def put(self, *values: float) -> None:
        for value in values:
            self.queue.append(request(value), 1, 1000)


@contextmanager
def sending(directory: Path, receiver: Told, *, fall_back: bool = True) -> Iterator[Sending]:
    made = Sending(directory, receiver, fall_back=fall_back)
    thread = threading.Thread(target=made.sender.run)
    thread.start()
    try:
        yield made
    finally:
        made.sender.stop()
        thread.join()
        made.queue.close()


def empty(made: Sending) -> Callable[[], bool]:
    return lambda: made.queue.samples() == 0


def values(receiver: Told) -> list[float]:
    return [
        decode_2(decompress(body))[0].value
        if protocol == "2.0"
        else decode_1(decompress(body))[0][0].value
        for body, protocol in receiver.bodies
    ]


def test_requests_are_sent_in_order_and_counted(tmp_path: Path) -> None:
    receiver = Told()
    with sending(tmp_path, receiver) as made:
        made.put(1, 2, 3)
        wait_until(empty(made), 10, "sent")
    assert values(receiver) == [1, 2, 3]
    assert made.counts.sent() == 3
    assert made.counts.dropped() == {}


def test_failures_are_tried_again_later_and_later_and_nothing_overtakes(tmp_path: Path) -> None:
    down = Outcome("retry", "503", "503")
    receiver = Told(*[down] * 8)
    with sending(tmp_path, receiver) as made:
        made.put(1, 2)
        wait_until(empty(made), 10, "sent")
    assert values(receiver) == [1] * 9 + [2]
    assert made.waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert made.counts.retries() == {"503": 8}


def test_it_does_not_come_back_before_it_is_asked_to(tmp_path: Path) -> None:
    receiver = Told(Outcome("retry", "429", "429", retry_after=45))
    with sending(tmp_path, receiver) as made:
        made.put(1)
        wait_until(empty(made), 10, "sent")
    assert made.waits == [45]


def test_what_is_refused_is_dropped_with_its_cause_and_not_sent_again(tmp_path: Path) -> None:
    receiver = Told(Outcome("refused", "400", "400 out of order"))
    with sending(tmp_path, receiver) as made:
        made.put(1, 2)
        wait_until(empty(made), 10, "sent")
    assert values(receiver) == [1, 2]
    assert made.counts.dropped() == {"400": 1}
    assert made.counts.sent() == 1


def test_a_receiver_that_does_not_know_2_gets_1_from_then_on(tmp_path: Path) -> None:
    receiver = Told(UNKNOWN)
    with sending(tmp_path, receiver) as made:
        made.put(1, 2)
        wait_until(empty(made), 10, "sent")
    assert [protocol for _, protocol in receiver.bodies] == ["2.0", "1.0", "1.0"]
    assert values(receiver) == [1, 1, 2]
    assert made.counts.dropped() == {}


def test_without_fall_back_it_is_refused(tmp_path: Path) -> None:
    receiver = Told(UNKNOWN)
    with sending(tmp_path, receiver, fall_back=False) as made:
        made.put(1, 2)
        wait_until(empty(made), 10, "sent")
    assert [protocol for _, protocol in receiver.bodies] == ["2.0", "2.0"]
    assert made.counts.dropped() == {"415": 1}


def test_samples_a_receiver_did_not_write_are_counted(tmp_path: Path) -> None:
    receiver = Told(Outcome("written", "200", written=0))
    with sending(tmp_path, receiver) as made:
        made.put(1)
        wait_until(empty(made), 10, "sent")
    assert made.counts.dropped() == {"not written": 1}


def test_a_request_that_is_damaged_in_1_is_dropped_alone(tmp_path: Path) -> None:
    receiver = Told(UNKNOWN)
    with sending(tmp_path, receiver) as made:
        made.queue.append(b"this is no snappy", 4, 1000)
        made.put(2)
        wait_until(empty(made), 10, "sent")
    assert made.counts.dropped() == {"malformed": 4}
    assert [protocol for _, protocol in receiver.bodies] == ["2.0", "1.0"]
    assert made.counts.sent() == 1


def test_what_was_not_sent_waits_for_the_next_start(tmp_path: Path) -> None:
    receiver = Told(*[Outcome("retry", "503", "503")] * 3)
    first = Sending(tmp_path, receiver)
    first.put(1, 2)
    first.queue.close()
    again = Told()
    with sending(tmp_path, again) as made:
        wait_until(empty(made), 10, "sent")
    assert values(again) == [1, 2]


def test_it_stops_in_the_middle_of_waiting(tmp_path: Path) -> None:
    receiver = Told(*[Outcome("retry", "503", "503")] * 1000)
    made = Sending(tmp_path, receiver)
    sender = Sender(made.queue, receiver, made.counts, "2.0", fall_back=True)
    thread = threading.Thread(target=sender.run)
    thread.start()
    made.put(1)
    wait_until(lambda: bool(receiver.bodies), 10, "the first attempt")
    sender.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert made.queue.samples() == 1
    made.queue.close()


def test_the_same_fault_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    receiver = Told(*[Outcome("retry", "503", "503 busy")] * 5)
    with caplog.at_level("INFO"), sending(tmp_path, receiver) as made:
        made.put(1)
        wait_until(empty(made), 10, "sent")
    assert [record.getMessage() for record in caplog.records] == [
        "remote write: not written, trying again: 503 busy",
        "remote write: written again",
    ]
