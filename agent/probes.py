"""From [probes] of the configuration to running probes, and what is told of them."""

from __future__ import annotations

from typing import Any

from agent.bpf import registry
from agent.bpf.own import OwnProbe, find_own, kind_of
from agent.bpf.probe import Kind
from agent.bpf.running import Probes, open_probes
from agent.config import ProbesConfig
from agent.telemetry import Probes as ProbesCollector
from agent.telemetry import Telemetry


def own_probes(config: ProbesConfig) -> tuple[OwnProbe, ...]:
    """The user's own. Raises BadProbe and OSError."""
    return find_own(config.directory) if config.enabled and config.directory else ()


def open_configured(config: ProbesConfig, telemetry: Telemetry) -> Probes:
    """Open what is on; one that cannot be opened turns only itself off."""
    kinds: tuple[Kind[Any], ...] = ()
    if config.enabled:
        kinds = registry.select(config.on, config.off) + tuple(map(kind_of, own_probes(config)))
    probes = open_probes(
        kinds,
        config.loader,
        others=[kind for kind in registry.KINDS if kind not in kinds and not kind.on_demand],
    )
    telemetry.register(
        ProbesCollector(probes.features, lambda: probes.dropped, lambda: probes.unattributed)
    )
    return probes
