"""CPU: how much, of what, and how often the quota stopped it."""

from __future__ import annotations

from dashboards import queries as q
from dashboards.layout import Section, side_by_side
from dashboards.panels import Query, Style, graph


def section() -> Section:
    return Section(
        "CPU",
        (
            side_by_side(
                graph(
                    "CPU usage and limit",
                    "Cores in use. Dashed: the quota, where there is one.",
                    "none",
                    [
                        Query(q.cpu_cores(), q.LEGEND),
                        Query(q.cpu_limit(), f"limit {q.LEGEND}", Style.LIMIT),
                    ],
                ),
                graph(
                    "CPU share of limit and of host",
                    "Cores in use, of the quota and of the host's cores. A high share of the limit "
                    "beside a low share of the host is a limit that is too small, not a busy host.",
                    "percentunit",
                    [
                        Query(q.share(q.cpu_cores(), q.cpu_limit()), f"of limit {q.LEGEND}"),
                        Query(
                            q.share_of_host(q.cpu_cores(), "machine_cpu_cores"),
                            f"of host {q.LEGEND}",
                        ),
                    ],
                ),
            ),
            side_by_side(
                graph(
                    "User and system",
                    "Cores in use, by the program itself and by the kernel on its behalf.",
                    "none",
                    [
                        Query(
                            q.total(q.rate("container_cpu_user_seconds_total")), f"user {q.LEGEND}"
                        ),
                        Query(
                            q.total(q.rate("container_cpu_system_seconds_total")),
                            f"system {q.LEGEND}",
                        ),
                    ],
                    stacked=True,
                ),
                graph(
                    "Throttled periods",
                    "Share of the enforcement periods in which the quota ran out. Only periods in "
                    "which something wanted to run count, so a container can be slow at 50 % of "
                    "its limit: a burst spends the quota early in the period.",
                    "percentunit",
                    [Query(q.throttled_ratio(), q.LEGEND)],
                ),
                graph(
                    "Throttled time",
                    "Seconds per second in which it was held back by its quota, summed over CPUs: "
                    "it can be over 1. The ratio says how often, this says how long.",
                    "s",
                    [Query(q.total(q.rate("container_cpu_cfs_throttled_seconds_total")), q.LEGEND)],
                ),
            ),
        ),
    )
