"""What a log worker is told at its start: one JSON document on one line of its standard input.

{"paths":{"root":"/",…},"logs":{"state":"/var/lib/container-agent","from_start":true},
 "destination":{"type":"fluentd","host":"127.0.0.1",…}}
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any, Final

import orjson

from agent.config import Config, HostPaths, JournaldConfig, LogFiles, LogsConfig
from agent.container.told_annotations import NAME
from agent.file_destination import FileDestination
from agent.log_destinations import DESTINATIONS, Destination, FluentdDestination, ForwardServer
from agent.log_rules import ENDLESS, LogRule
from agent.records import dataclass

DEFAULTS: Final = LogsConfig()


@dataclass(frozen=True, slots=True)
class WorkerInput:
    """What one log worker needs of the configuration."""

    paths: HostPaths
    state: str
    """Directory of the checkpoints."""
    from_start: bool
    destination: Destination
    container_rules: bool = True
    labels: tuple[str, ...] = ()
    host: str = ""
    processing: tuple[LogRule, ...] = ()
    held_bytes: int = DEFAULTS.held_bytes
    spool_bytes: int = DEFAULTS.spool_bytes
    files: tuple[LogFiles, ...] = ()
    journald: JournaldConfig = DEFAULTS.journald
    told_annotations: str = ""
    """File with what Kubernetes says of pods' annotations; "" where it is not asked."""

    @property
    def checkpoint_path(self) -> str:
        """Where its checkpoint is: the destination's type and address, readable and unique."""
        destination = self.destination
        if isinstance(destination, FluentdDestination):
            name = f"{destination.host}:{destination.port} {destination.tag}"
        elif isinstance(destination, FileDestination):
            name = destination.path
        else:
            name = destination.name.partition(" ")[2]
        # With OpenSSL, 4 MB, which the daemon does not need.
        from hashlib import blake2b

        digest = blake2b(name.encode(), digest_size=4).hexdigest()
        readable = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[-60:]
        return f"{self.state}/logs-{destination.type}-{readable}-{digest}.json"


def told_annotations(config: Config) -> str:
    """The file in which log workers are told what Kubernetes says; "" where nobody is to be."""
    if config.kubernetes.source == "off" or not config.logs.enabled:
        return ""
    return f"{config.logs.state}/{NAME}" if config.logs.container_rules else ""


def worker_input(config: Config, destination: Destination) -> bytes:
    """Build the document for the worker of one destination. Without the newline that ends it."""
    return orjson.dumps(
        {
            "paths": asdict(config.paths),
            "logs": {
                "state": config.logs.state,
                "from_start": config.logs.from_start,
                "held_bytes": config.logs.held_bytes,
                "spool_bytes": config.logs.spool_bytes,
                "files": [asdict(files) for files in config.logs.files],
                "journald": asdict(config.logs.journald),
                "told_annotations": told_annotations(config),
                "container_rules": config.logs.container_rules,
                "labels": config.logs.labels,
                "host": config.logs.host,
                "processing": [_row(rule) for rule in config.logs.processing],
            },
            "destination": asdict(destination),
        }
    )


def parse_worker_input(document: bytes) -> WorkerInput:
    """Read what `worker_input` wrote. Raise ValueError, in words, for anything else."""
    try:
        data = orjson.loads(document)
        paths = _values(data["paths"])
        kind = data["destination"]["type"]
        if kind not in DESTINATIONS:
            raise ValueError(f"a destination of type {kind!r} is not known")
        return WorkerInput(
            HostPaths(**paths),
            str(data["logs"]["state"]),
            bool(data["logs"]["from_start"]),
            DESTINATIONS[kind](**_values(data["destination"])),
            container_rules=bool(data["logs"].get("container_rules", True)),
            labels=tuple(data["logs"].get("labels", ())),
            host=str(data["logs"].get("host", "")),
            processing=tuple(LogRule(**_values(row)) for row in data["logs"].get("processing", ())),
            held_bytes=int(data["logs"].get("held_bytes", DEFAULTS.held_bytes)),
            spool_bytes=int(data["logs"].get("spool_bytes", DEFAULTS.spool_bytes)),
            files=tuple(
                LogFiles(item["path"], item["name"], tuple(item["fields"]))
                for item in data["logs"].get("files", ())
            ),
            journald=JournaldConfig(**_values(data["logs"].get("journald", {}))),
            told_annotations=str(data["logs"].get("told_annotations", "")),
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a log worker's input: {error!r}") from None


def _row(rule: LogRule) -> dict[str, Any]:
    return {
        key: min(value, ENDLESS) if isinstance(value, float) else value
        for key, value in asdict(rule).items()
    }


def _values(table: dict[str, Any]) -> dict[str, Any]:
    """Lists as the tuples they were, and their tables as the rows they were."""
    return {
        key: tuple(ForwardServer(**item) if isinstance(item, dict) else item for item in value)
        if isinstance(value, list)
        else value
        for key, value in table.items()
    }
