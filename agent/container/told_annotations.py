"""What pods' annotations ask of the log workers, as Kubernetes has it now.

The metrics process follows Kubernetes; this file is how its log workers hear of it:

    {"599e16b6-…": {"container-agent.logs/app.multiline": "java"}, "0f0b2d1c…": {}}

By the pod's uid; replaced as a whole, so never read half-written. What Kubernetes says stands, also
that an annotation is gone: the runtime keeps them as they were when the pod started. A pod that is
not in it is one that Kubernetes has not told of, or not yet.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from typing import Final

import orjson

from agent.container.failures import READ_FAILURES, Failures
from agent.container.log_annotations import log_annotations
from agent.container.log_source import LogSource
from agent.container.statefile import Json, Signature, child, read_object, signature
from agent.container.told import ToldPod
from agent.records import replace

log = logging.getLogger(__name__)

NAME: Final = "pod-annotations.json"
"""In the directory of the checkpoints."""


class AnnotationsTeller:
    """Writes the file. One thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._told: dict[str, Mapping[str, str]] | None = None
        self.failures = 0
        """How often it could not be written; it is tried again when the next pod changes."""

    def tell(self, pods: Iterable[ToldPod]) -> None:
        """Write what these pods ask, where that is news. Raises nothing."""
        now = {pod.uid: pod.log_annotations for pod in pods}
        if now == self._told:
            return
        temporary = f"{self._path}.tmp"
        try:
            os.makedirs(os.path.dirname(self._path), 0o750, exist_ok=True)
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
            with open(fd, "wb") as file:
                file.write(orjson.dumps(now))
            os.replace(temporary, self._path)  # noqa: PTH105 a path that is text, as all here
        except OSError as error:
            if not self.failures:
                log.warning("what pods' annotations ask cannot be told to log workers: %s", error)
            self.failures += 1
        else:
            self._told = now


class ToldAnnotations:
    """Reads it. Nothing changed: one stat."""

    def __init__(self, path: str, failures: Failures) -> None:
        self._path = path
        self._failures = failures
        self._signature: Signature | None = None
        self._told: Json = {}
        self._shown: dict[str, tuple[LogSource, LogSource]] = {}
        """Path of a log → as the runtime tells of it, and as it is with this."""

    def over(self, sources: Iterable[LogSource]) -> dict[str, LogSource]:
        """By path, with what Kubernetes says; the same object while nothing changed."""
        self._look()
        shown: dict[str, tuple[LogSource, LogSource]] = {}
        for source in sources:
            before = self._shown.get(source.path)
            if before is not None and before[0] is source:
                shown[source.path] = before
            else:
                shown[source.path] = source, self._with_told(source)
        self._shown = shown
        return {path: told for path, (_, told) in shown.items()}

    def _look(self) -> None:
        try:
            now = signature(self._path)
            if now == self._signature:
                return
            self._told = read_object(self._path) or {}
        except READ_FAILURES as error:
            self._failures.add(self._path, error)
            return
        self._failures.clear(self._path)
        self._signature = now
        self._shown = {}

    def _with_told(self, source: LogSource) -> LogSource:
        container = source.container
        if not isinstance(self._told.get(container.pod_uid), dict):
            return source
        asked = log_annotations(child(self._told, container.pod_uid))
        if asked == container.log_annotations:
            return source
        return replace(source, container=replace(container, log_annotations=asked))
