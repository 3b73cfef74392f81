"""Threads against pids.max, kills, and starts."""

from __future__ import annotations

from dashboards import queries as q
from dashboards.layout import Section, side_by_side
from dashboards.panels import Query, Style, graph


def section() -> Section:
    return Section(
        "Processes and life",
        (
            side_by_side(
                graph(
                    "Threads and limit",
                    "Processes and threads. Dashed: pids.max, where there is one; at the limit "
                    "fork fails.",
                    "none",
                    [
                        Query(q.total(q.series("container_threads")), q.LEGEND),
                        Query(q.threads_limit(), f"limit {q.LEGEND}", Style.LIMIT),
                    ],
                ),
                graph(
                    "OOM kills",
                    "Processes the kernel killed for want of memory. The killed process need not "
                    "be the container's first: the container can live on without it.",
                    "none",
                    [
                        Query(
                            q.total(
                                f"increase({q.series('container_oom_events_total')}"
                                "[$__rate_interval])"
                            ),
                            q.LEGEND,
                        )
                    ],
                    bars=True,
                ),
                graph(
                    "Time since start",
                    "Each fall to 0 is a start of the container. A saw is a crash loop.",
                    "s",
                    [Query(q.uptime(), q.LEGEND)],
                ),
            ),
        ),
    )
