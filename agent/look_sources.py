"""Where a closer look that is to be kept looks: as the configuration says, and redacted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from agent.cgroupfs.reading import Cgroup
from agent.config import Config
from agent.container.log_sources import LogSources
from agent.diagnosis.finding import RuleId
from agent.drilldown.evidence import Sources
from agent.drilldown.redacted_lines import redact_by
from agent.logs.handover import told_annotations
from agent.procfs.kmsg import recent_kills

_KILLS_SECONDS: Final = 90.0
"""How long ago the OOM killer may have done what a finding of the last minute is about."""


def sources_for(
    config: Config,
    pids: Callable[[Cgroup], Sequence[int]],
    rules: Collection[RuleId],
    unified: str | None = None,
) -> Sources:
    """
    For findings of these rules.

    `unified`: mount point of the cgroup2 hierarchy, where who takes the CPU is to be asked. The
    daemon does not: its probe's windows are in the Snapshots.
    """
    logs = config.logs
    return Sources(
        pids=pids,
        logs=LogSources(config.paths, logs.files, told_annotations(config)).scan,
        oom_kills=recent_kills(_KILLS_SECONDS) if "oom_killed" in rules else (),
        unified=unified,
        loader=config.probes.loader,
        redact=redact_by(logs.processing, container_rules=logs.container_rules),
    )
