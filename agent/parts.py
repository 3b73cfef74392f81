"""The daemon's parts, each built as the configuration says, with the series that tell of it.

None where the configuration turns a part off, and then its modules are not loaded: they are most of
the memory this process needs. A part that cannot run here says why and leaves the others alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from agent.config import Config
from agent.container.told import ContainerSource
from agent.diagnosis.recent import LABELS, Recent
from agent.faults import told
from agent.filesystem.watcher import FilesystemWatcher
from agent.lifecycle.events import Event
from agent.lifecycle.keeper import LifetimeKeeper
from agent.lifecycle.kernel_news import Teller
from agent.lifecycle.run import Counted
from agent.sampler import Sampler, host_hierarchies
from agent.sources.chosen import Chosen
from agent.telemetry import Counts, Levels, Rows, Telemetry

if TYPE_CHECKING:
    from agent.cgroupfs.reading import Cgroup
    from agent.child import Child
    from agent.container.told_annotations import AnnotationsTeller
    from agent.diagnosis.finding import RuleId
    from agent.drilldown.evidence import Sources
    from agent.drilldown.looking import CloserLook
    from agent.history.recorder import Recorder
    from agent.probe_parts import ProbeParts
    from agent.security.reports.watcher import ImageWatcher

log = logging.getLogger(__name__)


def without_cgroup(sampler: Sampler) -> Rows:
    """The series of containers that have no cgroup of their own."""
    return Rows(
        "agent_container_without_cgroup",
        "1 for a running container that has no cgroup of its own (rootless on cgroup v1, or"
        " --cgroups=disabled): what it uses is its user's, and it has no other series.",
        ("runtime", "name", "id", "image", "pod"),
        lambda: [
            (found.runtime, found.name, found.id, found.image, found.pod)
            for found in sampler.unplaced.found
        ],
    )


def image_watcher(config: Config) -> ImageWatcher | None:
    """None where neither scan reports nor verifications have a directory."""
    security = config.security
    if not security.image_reports and not security.verifications:
        return None
    from agent.security.reports.watcher import ImageWatcher

    return ImageWatcher(security.image_reports, security.verifications)


def filesystem_watcher(config: Config, telemetry: Telemetry) -> FilesystemWatcher | None:
    """Not started yet."""
    if not config.filesystem.enabled:
        return None
    watcher = FilesystemWatcher(config.filesystem, config.paths)
    for name, text, label, get in (
        (
            "agent_filesystem_walks",
            "Directory trees walked, by how it ended.",
            "outcome",
            watcher.walks,
        ),
        (
            "agent_filesystem_timeouts",
            "Filesystems that did not answer in time and were left alone.",
            "call",
            lambda: {"statvfs": watcher.timeouts()},
        ),
        (
            "agent_filesystem_faults",
            "Steps of the filesystem watcher that ended in an error that should not be.",
            "loop",
            lambda: {"filesystem": watcher.faults()},
        ),
    ):
        telemetry.register(Counts(name, text, label, get))
    telemetry.register(
        Levels(
            "agent_filesystem_left_alone",
            "Mounts not asked how full they are: on a network, or those that do not answer.",
            "reason",
            watcher.left_alone,
        )
    )
    return watcher


def api_sources(config: Config, telemetry: Telemetry) -> Chosen:
    """Docker's API and Kubernetes, where they are configured; not started yet."""
    teller = _annotations_teller(config, telemetry)
    sources = Chosen(config.docker, config.kubernetes, teller.tell if teller else None)
    telemetry.register(
        Counts(
            "agent_api_failures",
            "Times an API that the configuration names could not be followed, and was tried again.",
            "source",
            sources.failures,
        )
    )
    telemetry.register(Levels("agent_api_up", "1 while an API is followed.", "source", sources.up))
    telemetry.watch(
        lambda: [f"the API of {one} is not followed" for one, up in sources.up().items() if not up]
    )
    return sources


def _annotations_teller(config: Config, telemetry: Telemetry) -> AnnotationsTeller | None:
    if config.kubernetes.source == "off" or not config.logs.enabled:
        return None
    from agent.container.told_annotations import AnnotationsTeller
    from agent.logs.handover import told_annotations

    told = told_annotations(config)
    if not told:
        return None
    teller = AnnotationsTeller(told)
    telemetry.register(
        Counts(
            "agent_pod_annotations_failures",
            "Times what pods' annotations ask of the log workers could not be written down for"
            " them.",
            "file",
            lambda: {told: teller.failures},
        )
    )
    return teller


def lifetime_keeper(
    config: Config,
    telemetry: Telemetry,
    recall: Callable[[int], Counted | None],
    engine: ContainerSource | None,
    told: Callable[[Event], None],
    teller: Teller | None,
) -> LifetimeKeeper | None:
    """Not started yet. recall, engine, told, teller: see `LifetimeKeeper`."""
    if not config.lifecycle.enabled:
        return None
    keeper = LifetimeKeeper(
        config.lifecycle, config.paths, host_hierarchies(config.paths), recall, engine, told, teller
    )
    telemetry.register(
        Counts(
            "agent_lifecycle_events",
            "What happened to containers, as far as it was seen.",
            "event",
            keeper.events,
        )
    )
    telemetry.register(
        Counts(
            "agent_lifecycle_missed",
            "What was not seen of it: last counters, exit codes, starts, inotify and probe events, "
            "identities that were too many, watchers that failed.",
            "what",
            keeper.missed,
        )
    )
    telemetry.register(
        Levels(
            "agent_lifecycle_watcher",
            "How containers are followed: directories watched, containers that run, and 1 for "
            "polling (no inotify watch was left), realtime, and probe (the kernel tells each).",
            "what",
            keeper.levels,
        )
    )
    return keeper


def probe_parts(config: Config, telemetry: Telemetry) -> ProbeParts | None:
    """The probes, opened. Raises BadProbe and OSError for a probe of the user's own."""
    if not config.probes.enabled:
        return None
    from agent.probe_parts import open_probe_parts

    return open_probe_parts(config, telemetry, host_hierarchies(config.paths))


def log_workers(config: Config, telemetry: Telemetry) -> list[Child]:
    """A process for each destination, not started yet."""
    if not config.logs.enabled:
        return []
    from agent.log_parts import make_workers

    return make_workers(config, telemetry)


def recent_findings(telemetry: Telemetry) -> Recent:
    """The Snapshots of the last minute, and what is wrong by them."""
    recent = Recent()
    telemetry.register(
        Rows(
            "agent_finding",
            "1 for each thing that is wrong with a container now, as agent why explains it: what"
            " it means, docs/diagnosis.md.",
            LABELS,
            recent.findings,
        )
    )
    return recent


def closer_look(
    config: Config,
    telemetry: Telemetry,
    recent: Recent,
    pids: Callable[[Cgroup], Sequence[int]],
    history: Recorder | None,
) -> CloserLook | None:
    """None where nobody keeps what it sees."""
    if history is None:
        return None
    from agent.drilldown.looking import CloserLook

    def sources(rules: Collection[RuleId]) -> Sources:
        from agent.look_sources import sources_for  # loaded when something is wrong

        return sources_for(config, pids, rules)

    look = CloserLook(recent, history.event, sources)
    telemetry.register(
        Counts(
            "agent_closer_looks",
            "Notes that the history has of containers with a finding, and looks at them that"
            " failed.",
            "outcome",
            look.counts,
        )
    )
    return look


def history_recorder(config: Config, telemetry: Telemetry) -> Recorder | None:
    """None where there is no place for it; the reason is in a series and in the log."""
    history = config.history
    recorder, reason = None, "off in the configuration"
    if history.enabled:
        from agent.history.recorder import Recorder
        from agent.history.ring import Bounds, Ring

        bounds = Bounds(history.max_bytes, history.hours * 3600)
        try:
            ring = Ring(history.place(config.logs.state), bounds)
        except OSError as error:
            reason = told(error)
            log.warning("no history is kept: %s", reason)
        else:
            recorder, reason = Recorder(ring, history.interval), ""
            telemetry.register(
                Counts(
                    "agent_history_records",
                    "Snapshots and events of the history: written, lost as the disk was slow, and"
                    " those that could not be written.",
                    "outcome",
                    recorder.counts,
                )
            )
            telemetry.register(
                Levels(
                    "agent_history",
                    "Bytes that the history takes on disk, and seconds between two of its"
                    " Snapshots.",
                    "what",
                    recorder.levels,
                )
            )
    telemetry.register(
        Levels(
            "agent_history_up",
            "Whether what the host does is kept on disk; the reason where it is not.",
            "reason",
            lambda: {reason: int(not reason)},
        )
    )

    def problem() -> str:
        return (reason if recorder is None else recorder.problem) if history.enabled else ""

    telemetry.watch(lambda: [f"no history is kept: {problem()}"] if problem() else [])
    return recorder
