"""What of BPF runs in the daemon: the probes, their rounds, and the sweep; with their series.

Loaded only where [probes] is enabled.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from agent import lacks
from agent.bpf import registry
from agent.bpf.cgroup_events import CgroupEvents
from agent.bpf.cgroups import CGROUPS
from agent.bpf.loader import ProbeUnavailable
from agent.bpf.own import OwnProbe, find_own, kind_of
from agent.bpf.probe import Kind
from agent.bpf.rounds import Rounds, Settings
from agent.bpf.running import Probes, count_cgroups, open_probes
from agent.bpf.sweep import open_sweep
from agent.cgroupfs.hierarchies import Hierarchies
from agent.config import Config, ProbesConfig
from agent.faults import told
from agent.probe_costs import ProbeCosts
from agent.sweep import HostSweep
from agent.telemetry import Levels, Telemetry
from agent.telemetry import Probes as ProbesCollector

log = logging.getLogger(__name__)


class ProbeParts:
    """Owns all of it."""

    def __init__(
        self,
        probes: Probes,
        rounds: Rounds,
        sweep: HostSweep | None,
        cgroup_events: CgroupEvents | None,
    ) -> None:
        """Without `sweep` files alone are read; without `cgroup_events` nobody listens to them."""
        self.probes = probes
        self.cgroup_events = cgroup_events
        self.sweep = sweep
        self._stop = threading.Event()
        self._thread = threading.Thread(target=rounds.run, args=(self._stop,), name="probe rounds")

    def start(self) -> None:
        """Begin the rounds."""
        self._thread.start()

    def stop(self) -> None:
        """End them; the probes count on."""
        self._stop.set()
        self._thread.join()

    def close(self) -> None:
        """Detach and free all."""
        if self.sweep is not None:
            self.sweep.close()
        if self.cgroup_events is not None:
            self.cgroup_events.close()
        self.probes.close()


def open_probe_parts(config: Config, telemetry: Telemetry, hierarchies: Hierarchies) -> ProbeParts:
    """
    Open what is on; what cannot be opened turns only itself off.

    Raises BadProbe and OSError for a probe of the user's own.
    """
    probes = _open_probes(config.probes, telemetry)
    settings = Settings(config.probes.period, config.probes.window, config.probes.budget)
    rounds = Rounds(probes.probes, settings)
    telemetry.register(ProbeCosts(lambda: rounds.costs, settings.budget))
    telemetry.watch(lambda: lacks.of_probes(probes.features(), rounds.costs))
    return ProbeParts(
        probes,
        rounds,
        _open_sweep(config.probes, telemetry, hierarchies),
        _listen(probes) if config.lifecycle.enabled else None,
    )


def own_probes(config: ProbesConfig) -> tuple[OwnProbe, ...]:
    """The user's own. Raises BadProbe and OSError."""
    return find_own(config.directory) if config.directory else ()


def _open_probes(config: ProbesConfig, telemetry: Telemetry) -> Probes:
    kinds: tuple[Kind[Any], ...] = registry.select(config.on, config.off)
    kinds += tuple(map(kind_of, own_probes(config)))
    probes = open_probes(
        kinds,
        config.loader,
        others=[kind for kind in registry.KINDS if kind not in kinds and not kind.on_demand],
    )
    telemetry.register(
        ProbesCollector(probes.features, lambda: probes.dropped, lambda: probes.unattributed)
    )
    return probes


def _listen(probes: Probes) -> CgroupEvents | None:
    """None where the probe does not run."""
    for probe in probes.probes:
        if probe.kind is CGROUPS:
            try:
                return CgroupEvents(probe)
            except OSError as error:
                log.warning("what the probe cgroups tells cannot be read: %s", told(error))
    return None


def _open_sweep(
    config: ProbesConfig, telemetry: Telemetry, hierarchies: Hierarchies
) -> HostSweep | None:
    sweep, reason = None, "off in the configuration"
    if config.sweep:
        try:
            opened = open_sweep(count_cgroups())
        except ProbeUnavailable as error:
            reason = error.reason
            log.warning("the BPF sweep is off, and files are read instead: %s", reason)
        else:
            sweep = HostSweep(hierarchies, opened)

    def why() -> str:
        return reason if sweep is None else sweep.reason

    telemetry.register(
        Levels(
            "agent_sweep_up",
            "Whether one walk in the kernel answers for the files of all cgroups; the reason where"
            " it does not.",
            "reason",
            lambda: {why(): int(not why())},
        )
    )
    return sweep
