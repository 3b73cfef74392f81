"""Plain log files that the operator named: what a program writes to a file of its own.

    [[logs.files]]
    path = "/var/log/app/*.log"
    name = "app"
    fields = ["team=shop"]

`path` is a glob pattern on the host; "**" passes any number of directories. What a matching file
was rotated to (app.log.1, app.log.2.gz, app.log.20260102) is read as its earlier part, not by
itself.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

from agent.config import HostPaths, LogFiles
from agent.container.container import Container
from agent.container.log_source import LogSource


class PlainLogs:
    """Every file that matches a pattern now. One glob a pattern and scan."""

    def __init__(self, paths: HostPaths, patterns: Iterable[LogFiles]) -> None:
        self._paths = paths
        self._patterns = tuple(patterns)
        self._sources: dict[str, LogSource] = {}
        self._directories: tuple[str, ...] = ()

    def scan(self) -> list[LogSource]:
        """The files that exist now. One that two patterns match belongs to the first."""
        sources: dict[str, LogSource] = {}
        directories: set[str] = set()
        for wanted in self._patterns:
            pattern = self._paths.host(wanted.path)
            base = os.path.dirname(pattern)
            if os.path.isdir(base):
                directories.add(base)
            for path in _current(glob.glob(pattern, recursive=True)):  # noqa: PTH207 an absolute pattern
                path = os.path.realpath(path)
                if path in sources or not os.path.isfile(path):
                    continue
                directories.add(os.path.dirname(path))
                known = self._sources.get(path)
                sources[path] = known or _source(path, wanted)
        self._sources = sources
        self._directories = tuple(sorted(directories))
        return list(sources.values())

    def directories(self) -> list[str]:
        """Where matching files are, or would be."""
        return list(self._directories)


def _current(paths: list[str]) -> list[str]:
    """Without what was rotated away from another of them, and what is compressed."""
    found = set(paths)
    out = []
    for path in sorted(paths):
        stem = path.removesuffix(".gz").rpartition(".")[0]
        if path.endswith((".gz", ".tmp", ".bz2", ".xz", ".zst")) or stem in found:
            continue
        out.append(path)
    return out


def _source(path: str, wanted: LogFiles) -> LogSource:
    name = wanted.name or os.path.basename(path)
    labels = dict(pair.split("=", 1) for pair in wanted.fields)
    container = Container(
        runtime="file", id="", name=name, labels=labels, log_path=path, log_format="plain"
    )
    return LogSource(path, "plain", container, fields={"file": path, **labels})
