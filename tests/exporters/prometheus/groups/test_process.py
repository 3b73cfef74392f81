"""exporters.prometheus.groups.process: what is known is told, and how old it is."""

from __future__ import annotations

from dataclasses import replace

from agent.kernelfile import UNLIMITED
from agent.processes import ProcessCounts
from exporters.prometheus.groups.process import METRICS
from tests.exporters.prometheus.shown import any_sample, shown


def test_processes_descriptors_sockets_and_their_age() -> None:
    counts = ProcessCounts(3, 40, 7, 1024, looked_at=80.0)
    page = shown(METRICS, replace(any_sample(), processes=counts), at=100.5)
    assert page["container_processes"] == {(): 3}
    assert page["container_file_descriptors"] == {(): 40}
    assert page["container_sockets"] == {(): 7}
    assert page["container_sockets_age_seconds"] == {(): 20.5}
    assert page["container_ulimits_soft"] == {("max_open_files",): 1024}


def test_sockets_counted_within_the_tick_are_not_younger_than_it() -> None:
    counts = ProcessCounts(3, 40, 7, 1024, looked_at=100.2)
    page = shown(METRICS, replace(any_sample(), processes=counts), at=100.0)
    assert page["container_sockets_age_seconds"] == {(): 0}


def test_no_limit_of_open_files_is_minus_one_as_in_cadvisor() -> None:
    counts = ProcessCounts(1, max_open_files=UNLIMITED)
    page = shown(METRICS, replace(any_sample(), processes=counts))
    assert page["container_ulimits_soft"] == {("max_open_files",): -1}


def test_what_may_not_be_looked_at_has_no_series() -> None:
    page = shown(METRICS, replace(any_sample(), processes=ProcessCounts(1, looked_at=5.0)))
    assert page["container_processes"] == {(): 1}
    for name in ("file_descriptors", "sockets", "sockets_age_seconds", "ulimits_soft"):
        assert f"container_{name}" not in page


def test_without_processes_there_are_still_threads() -> None:
    page = shown(METRICS, any_sample())
    assert "container_processes" not in page
    assert page["container_threads"] == {(): 3}


def test_forks_refused_are_those_of_pids_events() -> None:
    sample = any_sample()
    sample = replace(sample, reading=replace(sample.reading, pids_events_max=17))
    assert shown(METRICS, sample)["container_forks_refused_total"] == {(): 17}
