"""Hits and misses of the page cache, as windows of the probe page_cache see them."""

from __future__ import annotations

from agent.bpf.page_cache_counts import PageCacheCounts
from exporters.prometheus.metric import Metric, counter
from exporters.prometheus.probe_values import counted

METRICS: tuple[Metric, ...] = (
    counter(
        "container_page_cache_asked_pages_total",
        "BPF mm_filemap_get_pages",
        "Pages of files that reads asked the page cache for, in windows of the probe.",
        counted(PageCacheCounts, "asked"),
    ),
    counter(
        "container_page_cache_missed_pages_total",
        "BPF mm_filemap_get_pages, mm_filemap_add_to_page_cache",
        "Of the pages that reads asked for, those the same thread had read from storage, for "
        "this read or ahead of it.",
        counted(PageCacheCounts, "missed"),
    ),
    counter(
        "container_page_cache_added_pages_total",
        "BPF mm_filemap_add_to_page_cache",
        "Pages put into the page cache in windows of the probe: by reads, faults and writes.",
        counted(PageCacheCounts, "added"),
    ),
    counter(
        "container_page_cache_created_pages_total",
        "BPF writeback_dirty_folio, mm_filemap_add_to_page_cache",
        "Of the pages put into the page cache, those that were written and not read.",
        counted(PageCacheCounts, "created"),
    ),
)
