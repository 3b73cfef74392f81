"""Network of the pod, or of the container where there are no pods: in over the axis, out under it.

Both directions use rate() over the same window; a container on the host's network has no series of
its own.
"""

from __future__ import annotations

from dashboards import queries as q
from dashboards.layout import Section, side_by_side
from dashboards.panels import Panel, Query, Style, graph

_OWNER = (
    "The interfaces belong to the whole pod in Kubernetes, and to the host with host networking: "
    "then there is nothing here."
)


def section() -> Section:
    return Section(
        "Network",
        (
            side_by_side(
                _both_ways(
                    "Network throughput",
                    f"Bytes per second: received up, transmitted down. {_OWNER}",
                    "Bps",
                    "bytes",
                ),
                _both_ways(
                    "Network packets",
                    f"Packets per second: received up, transmitted down. {_OWNER}",
                    "pps",
                    "packets",
                ),
                graph(
                    "Network drops and errors",
                    f"Packets per second that were dropped or broken, either way. {_OWNER}",
                    "pps",
                    [
                        Query(_rate("receive_packets_dropped"), f"in dropped {q.NETWORK_LEGEND}"),
                        Query(_rate("transmit_packets_dropped"), f"out dropped {q.NETWORK_LEGEND}"),
                        Query(_rate("receive_errors"), f"in errors {q.NETWORK_LEGEND}"),
                        Query(_rate("transmit_errors"), f"out errors {q.NETWORK_LEGEND}"),
                    ],
                ),
            ),
        ),
    )


def _both_ways(title: str, description: str, unit: str, what: str) -> Panel:
    return graph(
        title,
        description,
        unit,
        [
            Query(_rate(f"receive_{what}"), f"in {q.NETWORK_LEGEND}"),
            Query(_rate(f"transmit_{what}"), f"out {q.NETWORK_LEGEND}", Style.BELOW),
        ],
    )


def _rate(what: str) -> str:
    return q.pod_total(q.rate(f"container_network_{what}_total", q.NETWORK))
