"""Which container's log a person means: target.py's syntax, over logs instead of cgroups.

So also a container that ended is found, while its files are there. Of a Kubernetes container's runs
the newest is meant, unless its id names another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.cgroupfs.reading import Cgroup
from agent.container.log_source import LogSource
from agent.container.target import Candidate, Target, find
from agent.kernelfile import read
from agent.procfs.pid import parse_pid_cgroup


def find_logs(target: Target, sources: Iterable[LogSource], proc: str) -> list[LogSource]:
    """
    Every container's log that `target` may mean: one is an answer, none and several are not.

    `proc` is read for pid:N alone. Raises Denied, UnexpectedText, OSError of that.
    """
    everything = list(sources)
    if target.form in ("pid", "cgroup"):
        paths = {target.text}
        if target.form == "pid":
            paths = set((read(f"{proc}/{target.text}/cgroup", parse_pid_cgroup) or {}).values())
        return [
            source
            for source in everything
            if source.container.id and any(source.container.id in path for path in paths)
        ]
    # The candidates' cgroups are asked for pid: and cgroup: only; here they carry the place in the
    # list back.
    candidates = [
        Candidate(Cgroup(number, "", 0.0), source.container)
        for number, source in enumerate(everything)
    ]
    found = [everything[found.cgroup.inode] for found in find(target, candidates, proc)]
    return _newest_runs(found)


def runs_of(source: LogSource, sources: Iterable[LogSource]) -> list[LogSource]:
    """All runs of the same container that have a file: itself alone outside Kubernetes."""
    key = _key(source)
    return [other for other in sources if _key(other) == key]


def newest(source: LogSource) -> int:
    """Sorts the runs of one container."""
    return source.container.attempt or 0


def _key(source: LogSource) -> tuple[str, ...]:
    container = source.container
    if container.pod_uid and container.container and container.log_format != "docker":
        return container.pod_uid, container.container
    return (source.path or container.id,)


def _newest_runs(found: Sequence[LogSource]) -> list[LogSource]:
    best: dict[tuple[str, ...], LogSource] = {}
    for source in found:
        key = _key(source)
        if key not in best or newest(source) > newest(best[key]):
            best[key] = source
    return list(best.values())
