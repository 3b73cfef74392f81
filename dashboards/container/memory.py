"""Memory: what counts against the limit, what it is made of, and whether it is fought over."""

from __future__ import annotations

from dashboards import queries as q
from dashboards.layout import Section, side_by_side
from dashboards.panels import Query, Style, graph


def section() -> Section:
    return Section(
        "Memory",
        (
            side_by_side(
                graph(
                    "Memory working set and limit",
                    "What is in use without inactive page cache, which the kernel drops before it "
                    "kills. Peak: the most it ever used, cache included. Dashed red: the limit, "
                    "where there is one.",
                    "bytes",
                    [
                        Query(q.working_set(), f"working set {q.LEGEND}"),
                        Query(
                            q.largest(q.series("container_memory_max_usage_bytes")),
                            f"peak {q.LEGEND}",
                            Style.DASHED,
                        ),
                        Query(q.memory_limit(), f"limit {q.LEGEND}", Style.LIMIT),
                    ],
                ),
                graph(
                    "Memory share of limit and of host",
                    "Working set, of the limit and of the host's memory.",
                    "percentunit",
                    [
                        Query(q.share(q.working_set(), q.memory_limit()), f"of limit {q.LEGEND}"),
                        Query(
                            q.share_of_host(q.working_set(), "machine_memory_bytes"),
                            f"of host {q.LEGEND}",
                        ),
                    ],
                ),
            ),
            side_by_side(
                graph(
                    "What the memory is",
                    "rss: the program's own pages. cache: file pages, most of which can be "
                    "dropped. rest: usage without both, mostly the kernel's. Swap stands on top "
                    "and is not part of usage.",
                    "bytes",
                    [
                        Query(_bytes("rss"), f"rss {q.LEGEND}"),
                        Query(_bytes("cache"), f"cache {q.LEGEND}"),
                        Query(_rest(), f"rest {q.LEGEND}"),
                        Query(_bytes("swap"), f"swap {q.LEGEND}"),
                    ],
                    stacked=True,
                ),
                graph(
                    "Mapped files",
                    "Page cache that programs have mapped: libraries, databases' files. Dropping "
                    "it costs major faults.",
                    "bytes",
                    [Query(_bytes("mapped_file"), q.LEGEND)],
                ),
                graph(
                    "Limit hits and major faults",
                    "Major faults wait for the disk. Many of them with a working set near the "
                    "limit: the limit is too small for the files it uses. Limit hits are "
                    "allocations that ran into the limit, counted on cgroup v1.",
                    "ops",
                    [
                        Query(
                            q.total(
                                q.rate(
                                    "container_memory_failures_total",
                                    extra='failure_type="pgmajfault",scope="container"',
                                )
                            ),
                            f"major faults {q.LEGEND}",
                        ),
                        Query(
                            q.total(q.rate("container_memory_failcnt")), f"limit hits {q.LEGEND}"
                        ),
                    ],
                ),
            ),
        ),
    )


def _bytes(kind: str) -> str:
    return q.total(q.series(f"container_memory_{kind}"))


def _rest() -> str:
    """Never below 0: the kernel batches its counters, so the parts can exceed the whole."""
    return (
        f"clamp_min(\n{q.total(q.series('container_memory_usage_bytes'))}\n"
        f"- {_bytes('rss')}\n- {_bytes('cache')}, 0)"
    )
