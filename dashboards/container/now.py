"""The first row: eight numbers that say whether to look further, and what the container is."""

from __future__ import annotations

from dashboards import queries as q
from dashboards.layout import Section, side_by_side
from dashboards.panels import Query, Thresholds, facts, number

_IDENTITY = (
    "instance",
    "namespace",
    "pod",
    "container",
    "name",
    "image",
    "runtime",
    "image_id",
    "id",
)


def section() -> Section:
    return Section(
        "Now",
        (
            side_by_side(
                number(
                    "CPU",
                    "Cores in use, averaged over the shortest window the scrape interval allows.",
                    "none",
                    Query(q.cpu_cores(), q.LEGEND),
                    decimals=2,
                ),
                number(
                    "CPU of its limit",
                    "Cores in use, of the quota. Near 100 % the kernel stops the container for the "
                    "rest of each period.",
                    "percentunit",
                    Query(q.share(q.cpu_cores(), q.cpu_limit()), q.LEGEND),
                    thresholds=Thresholds(0.7, 0.9),
                    no_value="no limit or no data",
                ),
                number(
                    "Throttled periods",
                    "Periods in which the quota ran out, of those in which something wanted to "
                    "run. Needs a CPU limit.",
                    "percentunit",
                    Query(q.throttled_ratio(), q.LEGEND),
                    thresholds=Thresholds(0.05, 0.25),
                    no_value="no limit or idle",
                ),
                number(
                    "Memory",
                    "Working set: what is in use without page cache that has not been touched "
                    "lately.",
                    "bytes",
                    Query(q.working_set(), q.LEGEND),
                ),
                number(
                    "Memory of its limit",
                    "Working set, of the memory limit. At 100 % the kernel kills a process.",
                    "percentunit",
                    Query(q.share(q.working_set(), q.memory_limit()), q.LEGEND),
                    thresholds=Thresholds(0.7, 0.9),
                    no_value="no limit or no data",
                ),
                number(
                    "OOM kills",
                    "Processes the kernel killed for want of memory, in the time range shown.",
                    "none",
                    Query(
                        q.total(f"increase({q.series('container_oom_events_total')}[$__range])"),
                        q.LEGEND,
                    ),
                    # increase() extrapolates: one kill can read 1.02, and must be red.
                    thresholds=Thresholds(critical=0.5),
                    decimals=0,
                ),
                number(
                    "Restarts",
                    "Starts after the first, in the time range shown.",
                    "none",
                    Query(q.starts_again(), q.LEGEND),
                    thresholds=Thresholds(warning=1),
                    decimals=0,
                ),
                number(
                    "Up for",
                    "Time since the container's newest start.",
                    "s",
                    Query(q.uptime(), q.LEGEND),
                ),
                height=4,
            ),
            side_by_side(
                facts(
                    "What it is",
                    "One line per container: where it runs, its image, its cgroup (id) and when "
                    "it started.",
                    "dateTimeAsIso",
                    Query(_identity(), "started"),
                    _IDENTITY,
                ),
                height=5,
            ),
        ),
    )


def _identity() -> str:
    """Labels and start time. The value is in milliseconds, as Grafana's dates are."""
    info = f"max by (instance, id, runtime, image_id) ({q.series('container_info')})"
    return (
        f"1000 * max by ({', '.join(_IDENTITY)}) (\n"
        f"  {q.series('container_start_time_seconds')}\n"
        f"  * on (instance, id) group_left (runtime, image_id)\n"
        f"  {info}\n)"
    )
