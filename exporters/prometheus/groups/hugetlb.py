"""Huge pages of the machine's reserved pools, by page size."""

from __future__ import annotations

from collections.abc import Iterable

from agent.cgroupfs.reading import HugePages
from agent.kernelfile import UNLIMITED
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import Column, Labels, Metric, Row, Table, gauge

_FIELDS = (*HugePages._fields, "limit")


def page_sizes(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Row]]:
    """A row a page size, and its limit once more: None without one."""
    return [
        (
            (("pagesize", pages.page_size),),
            (*pages, None if pages.max is UNLIMITED else pages.max),
        )
        for pages in sample.reading.hugetlb or ()
    ]


_PAGES = Table(_FIELDS, page_sizes, ("pagesize",))


def _failcnt(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, int | float | None]]:
    return Column(_PAGES, "events_max")(sample, snapshot)


METRICS: tuple[Metric, ...] = (
    gauge(
        "container_hugetlb_usage_bytes",
        "hugetlb.<size>.current",
        "Huge pages in use, in bytes.",
        Column(_PAGES, "current"),
    ),
    gauge(
        "container_hugetlb_max_usage_bytes",
        "hugetlb.<size>.max_usage_in_bytes",
        "Most huge pages ever in use, in bytes; cgroup v1 alone keeps it.",
        Column(_PAGES, "peak"),
    ),
    Metric(
        name="container_hugetlb_failcnt",
        # A counter by a name that no format allows a counter, as container_memory_failcnt.
        type="untyped",
        source="hugetlb.<size>.events max",
        help="How often a huge page was refused for the limit.",
        read=_failcnt,
        labels=("pagesize",),
    ),
    gauge(
        "container_hugetlb_reserved_bytes",
        "hugetlb.<size>.rsvd.current",
        "Huge pages promised to mappings, used or not yet, in bytes.",
        Column(_PAGES, "rsvd_current"),
    ),
    gauge(
        "container_hugetlb_limit_bytes",
        "hugetlb.<size>.max",
        "Limit of huge pages in use, in bytes; no series without a limit.",
        Column(_PAGES, "limit"),
    ),
)
