"""The JSON of `agent inspect -o json`: one object, one line.

    {"schema_version": 1, "time": 1760000000.0, "title": "web", "container": {…}, "cgroup": {…},
     "process": {…}, "limits": [{…}], "mounts": [{…}], "events": [{…}], "image": {…},
     "security": {…}, "unreadable": [], "ended": null}

Base units: Unix seconds, bytes, cores. Not known is null. A limit is null where not known, else
{"limit": 2.0, "unlimited": false} or {"limit": null, "unlimited": true}. Environment variables are
names alone, and what looks like a secret in arguments is "[redacted]". "entrypoint" is null where
the image's own was replaced, or its config was not found: "command" is everything then. "events"
are those of the last day, as `agent events -o json` has them; null: nobody keeps them. Of one that
does not run "ended" has its last end: "time", "restarts", "restarting", "down_seconds_before",
"source", and what an event of an exit has; what needs its process or its cgroup is null then.
`schema_version` grows when a field changes its meaning or goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from agent import redaction
from agent.container.container import Container
from agent.encodable import escaped
from agent.inspect.details import CgroupLimits, Details
from agent.inspect.image_config import started
from agent.kernelfile import UNLIMITED, Limit
from agent.lifecycle.document import document as lifecycle_document
from agent.security.posture import Finding, Posture
from agent.security.process import NAMESPACES
from agent.security.reports.report import ImageReport

SCHEMA_VERSION: Final = 1

Json = orjson.Fragment | dict[str, "Json"] | Sequence["Json"] | str | float | bool | None


def document(details: Details) -> str:
    """One line without its newline."""
    sample, facts = details.sample, details.facts
    container = sample.container
    if container is None:
        raise ValueError("no container")
    body: Json = {
        "schema_version": SCHEMA_VERSION,
        "time": details.now,
        "title": escaped(container.title),
        "container": container_of(container),
        "cgroup": {
            "path": escaped(sample.cgroup.path),
            "inode": sample.cgroup.inode,
            "created": sample.cgroup.created,
        },
        "process": _process(details, container),
        "limits": [_limits(found) for found in details.limits],
        "mounts": None
        if facts.mounts is None
        else [
            {
                "source": escaped(mount.source),
                "destination": escaped(mount.destination),
                "writable": mount.writable,
                "shared": mount.shared,
            }
            for mount in facts.mounts
        ],
        "events": None
        if details.events is None
        else [orjson.Fragment(lifecycle_document(event)) for event in details.events],
        "image": {
            "name": escaped(container.image),
            "id": container.image_id or None,
            "scan": _scan(details.scan),
            "signature_verified": details.verified,
        },
        "security": _security(details.posture),
        "unreadable": [escaped(failure) for failure in details.failures],
        "ended": None,
    }
    return orjson.dumps(body).decode()


def container_of(container: Container) -> Json:
    """Who it is."""
    return {
        "runtime": container.runtime or None,
        "id": escaped(container.id),
        "kind": container.kind.value,
        "name": escaped(container.name),
        "container": container.container or None,
        "pod": container.pod or None,
        "namespace": container.namespace or None,
        "pod_uid": container.pod_uid or None,
        "qos": container.qos or None,
        "labels": {escaped(key): escaped(value) for key, value in container.labels.items()},
        "restarts": container.attempt,
        "started": container.started,
        "log_path": container.log_path or None,
        "source": container.source,
    }


def _process(details: Details, container: Container) -> Json:
    facts, posture = details.facts, details.posture
    spec, credentials = facts.spec, facts.credentials
    capabilities = facts.bounding
    ran = None if spec is None else started(spec.args, details.image_command)
    return {
        "pid": container.pid if facts.process is None else facts.process.pid,
        "args": None if spec is None else _args(spec.args),
        "entrypoint": None if ran is None or ran.entrypoint is None else _args(ran.entrypoint),
        "command": None if ran is None else _args(ran.command),
        "command_of_image": None if ran is None or ran.entrypoint is None else ran.of_image,
        "cwd": None if spec is None else spec.cwd,
        "env_names": None if spec is None else [escaped(name) for name in spec.env_names],
        "uid": facts.uid,
        "uid_on_host": None if credentials is None else credentials.uid,
        "namespaces": {
            name: None if (shared := facts.shares(name)) is None else "host" if shared else "own"
            for name in NAMESPACES
        },
        "capabilities": None if capabilities is None else sorted(capabilities),
        "capabilities_added": None if posture is None else sorted(posture.added),
        "capabilities_dropped": None if posture is None else sorted(posture.dropped),
        "no_new_privileges": facts.no_new_privileges,
        "seccomp": facts.seccomp,
        "lsm_label": facts.label,
        "read_only_rootfs": facts.read_only,
    }


def _args(args: Sequence[str]) -> Json:
    return [escaped(arg) for arg in redaction.arguments(args)]


def _limits(found: CgroupLimits) -> Json:
    cpu = found.cpu
    return {
        "cgroup": escaped(found.path),
        "memory": _limit(found.memory),
        "memory_high": _limit(found.memory_high),
        "swap": _limit(found.swap),
        "cpu": None if cpu is None else {"limit": cpu.cores, "unlimited": cpu.cores is None},
        "pids": _limit(found.pids),
    }


def _limit(limit: Limit | None) -> Json:
    if limit is None:
        return None
    unlimited = limit is UNLIMITED
    return {"limit": limit if isinstance(limit, int) else None, "unlimited": unlimited}


def _scan(scan: ImageReport | None) -> Json:
    if scan is None:
        return None
    return {
        "tool": scan.tool,
        "scanned_at": scan.scanned_at,
        "vulnerabilities": [
            {"severity": kind.severity, "fixable": kind.fixable, "count": count}
            for kind, count in sorted(scan.counts.items())
        ],
    }


def _security(posture: Posture | None) -> Json:
    if posture is None:
        return None
    return {
        "profile": posture.profile,
        "failed": [_finding(finding) for finding in posture.failed],
        "unknown": [_finding(finding) for finding in posture.unknown],
    }


def _finding(finding: Finding) -> Json:
    check = finding.check
    return {
        "check": check.id,
        "level": finding.level,
        "cis_docker": check.cis_docker or None,
        "cis_kubernetes": check.cis_kubernetes or None,
        "pss": check.pss or None,
        "title": check.title,
        "evidence": escaped(finding.evidence),
        "qualified": finding.qualified or None,
        "advice": check.advice,
    }
