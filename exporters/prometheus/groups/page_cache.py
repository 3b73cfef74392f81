"""Hits and misses of the page cache, as windows of the probe page_cache see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.bpf.page_cache_counts import PageCacheCounts
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import AnyMetric, Labels, Metric, Number


def pages(
    number: Callable[[PageCacheCounts], int | None],
) -> Callable[[Sample, Snapshot], Iterable[tuple[Labels, Number | None]]]:
    """One of the counts, where the probe runs."""

    def read(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        if (counts := sample.probes.get(PageCacheCounts)) is not None:
            yield (), number(counts)

    return read


METRICS: tuple[AnyMetric, ...] = (
    Metric(
        name="container_page_cache_asked_pages_total",
        type="counter",
        source="BPF mm_filemap_get_pages",
        help="Pages of files that reads asked the page cache for, in windows of the probe.",
        read=pages(lambda counts: counts.asked),
    ),
    Metric(
        name="container_page_cache_missed_pages_total",
        type="counter",
        source="BPF mm_filemap_get_pages, mm_filemap_add_to_page_cache",
        help="Of the pages that reads asked for, those the same thread had read from storage, for "
        "this read or ahead of it.",
        read=pages(lambda counts: counts.missed),
    ),
    Metric(
        name="container_page_cache_added_pages_total",
        type="counter",
        source="BPF mm_filemap_add_to_page_cache",
        help="Pages put into the page cache in windows of the probe: by reads, faults and writes.",
        read=pages(lambda counts: counts.added),
    ),
    Metric(
        name="container_page_cache_created_pages_total",
        type="counter",
        source="BPF writeback_dirty_folio, mm_filemap_add_to_page_cache",
        help="Of the pages put into the page cache, those that were written and not read.",
        read=pages(lambda counts: counts.created),
    ),
)
