"""Container: one container, or the containers of one pod, from top to bottom.

Read it downwards: the numbers now, then for CPU and memory what it uses of what it may, then
whether it waited (pressure), then disk, network and life.
"""

from __future__ import annotations

from dashboards import queries as q
from dashboards.container import cpu, disk, memory, network, now, pressure, processes
from dashboards.layout import place
from dashboards.sdk import dashboard, dashboard_builders
from dashboards.variables import DATASOURCE, container_variables

UID = "container-agent-container"
TAG = "container-agent"


def build() -> dashboard.Dashboard:
    board = (
        dashboard_builders.Dashboard("Container")
        .uid(UID)
        .description("One container or pod: usage, limits, pressure, I/O, network and restarts.")
        .tags([TAG])
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .variables(list(container_variables()))
        .annotation(_starts())
        .link(
            dashboard_builders.DashboardLink("Container agent")
            .type(dashboard.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    )
    place(
        board,
        (
            now.section(),
            cpu.section(),
            memory.section(),
            pressure.section(),
            disk.section(),
            network.section(),
            processes.section(),
        ),
    )
    return board.build()


def _starts() -> dashboard_builders.AnnotationQuery:
    """A mark at every start, at the very second: the series' value is the time."""
    return (
        dashboard_builders.AnnotationQuery()
        .name("Starts")
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color("blue")
        .expr(f"1000 * {q.largest(q.series('container_start_time_seconds'))}")
        .use_value_for_time(True)
        .title_format("Started")
        .text_format(q.LEGEND)
        .step("30s")
    )
