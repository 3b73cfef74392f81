"""What the BPF probes cost, and how long their windows were open: series of the agent's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from agent.bpf.rounds import Cost
from agent.families import Family, counter, gauge


class ProbeCosts:
    """A collector of telemetry's."""

    def __init__(self, costs: Callable[[], Mapping[str, Cost]], budget: float) -> None:
        """`costs`: by probe. `budget`: CPU seconds a second that all may take."""
        self._costs, self._budget = costs, budget

    def collect(self) -> Iterator[Family]:
        """Read the numbers now."""
        seconds = counter(
            "agent_probe_cpu_seconds",
            "CPU time of a BPF probe's programs on all CPUs, in seconds: measured in one piece of"
            " each period, and taken to be the same in the rest where the probe always runs.",
            ["probe"],
        )
        window = counter(
            "agent_probe_window_seconds",
            "How long windows of a high-rate probe were open: what its counters rise by, divided by"
            " what this rises by, is a rate.",
            ["probe"],
        )
        shed = gauge(
            "agent_probe_shed",
            "1 while the governor keeps a BPF probe stopped, because all together cost more than"
            " their budget.",
            ["probe"],
        )
        sheds = counter("agent_probe_sheds", "Times the governor stopped a BPF probe.", ["probe"])
        for name, cost in sorted(self._costs().items()):
            if cost.cpu_seconds is not None:
                seconds.add([name], cost.cpu_seconds)
            if cost.windows:
                window.add([name], cost.window_seconds)
            shed.add([name], int(cost.stopped))
            sheds.add([name], cost.stops)
        budget = gauge(
            "agent_probe_budget_cores", "CPU seconds a second all BPF probes together may take."
        )
        budget.add([], self._budget)
        yield from (seconds, window, shed, sheds, budget)
