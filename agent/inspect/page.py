"""The page of `agent inspect`: one container, for a person. Pure.

`?` is not known or not permitted, `-` is nothing. Values of environment variables are never shown,
and nothing in a command line that looks like a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from agent import redaction
from agent.container.container import Container, Kind
from agent.encodable import visible
from agent.inspect.details import CgroupLimits, Details
from agent.inspect.image_config import started
from agent.inspect.text import (
    NONE,
    NOT_KNOWN,
    clock,
    command,
    count_limit,
    cpu_limit,
    moment,
    size_limit,
)
from agent.lifecycle.events import Event
from agent.lifecycle.text import description
from agent.security.capabilities import NAMES, listed
from agent.security.posture import Finding, Posture
from agent.security.reports.report import SEVERITIES, ImageReport
from agent.security.reports.report import Kind as Count
from agent.units import human_duration

_WIDTH: Final = 13
_EVENTS: Final = 10
"""The latest."""
_NAMESPACES: Final = ("net", "pid", "ipc", "uts", "user", "cgroup")


def page(details: Details) -> str:
    """The whole page, ending in a newline."""
    container = _container(details)
    sections = [
        section(visible(container.title), _identity(details, container)),
        section("Process", _process(details)),
        section("Limits", _limits(details.limits)),
        section("Mounts of the host", _mounts(details)),
        section("Starts and ends", events_of(details.events)),
    ]
    if details.posture is not None:
        sections.append(section("Image", _image(details)))
        sections.append(_security(details.posture))
    if details.failures:
        sections.append("Could not be read\n" + "".join(f"  {f}\n" for f in details.failures))
    return "\n".join(sections)


def _container(details: Details) -> Container:
    container = details.sample.container
    if container is None:
        raise ValueError("no container")
    return container


def section(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A heading, and a line for each row."""
    lines = [f"{title}\n"]
    for name, value in rows:
        lines.append(f"  {name:<{_WIDTH}}{value}\n")
    return "".join(lines)


def _identity(details: Details, container: Container) -> Iterator[tuple[str, str]]:
    yield "id", visible(container.id) or NONE
    if container.kind is not Kind.CONTAINER:
        yield "kind", container.kind.value
    yield "name", visible(container.name) or NONE
    yield "runtime", f"{container.runtime or NOT_KNOWN} (told by: {container.source})"
    if container.pod:
        pod = visible("/".join(part for part in (container.namespace, container.pod) if part))
        more = ", ".join(part for part in (container.pod_uid, container.qos) if part)
        yield "pod", f"{pod} ({more})" if more else pod
    if container.nested_in:
        yield "inside", f"container {container.nested_in}"
    if container.started is not None:
        yield "started", moment(container.started, details.now)
    yield "restarts", _restarts(container)
    yield "log", visible(container.log_path) or NONE
    yield "cgroup", visible(details.sample.cgroup.path)
    for key, value in sorted(container.labels.items()):
        yield "label", f"{visible(key)}={visible(value)}"


def _restarts(container: Container) -> str:
    counted = NOT_KNOWN if container.attempt is None else str(container.attempt)
    policy = container.declared.restart if container.declared is not None else None
    if policy is None:
        return counted
    most = f", {policy.retries} times at most" if policy.retries else ""
    return f"{counted} (policy: {policy.name}{most})"


def _process(details: Details) -> Iterator[tuple[str, str]]:
    facts, container = details.facts, _container(details)
    spec = facts.spec
    pid = container.pid if facts.process is None else facts.process.pid
    yield "pid", NOT_KNOWN if pid is None else str(pid)
    yield from _command(details)
    if spec is not None:
        yield "directory", visible(spec.cwd) or NONE
        yield "environment", visible(" ".join(f"{name}=…" for name in spec.env_names)) or NONE
    yield "user", _user(details)
    yield "namespaces", ", ".join(f"{name} {_whose(facts.shares(name))}" for name in _NAMESPACES)
    if details.posture is not None:
        yield from _rights(details.posture)
    no_new = facts.no_new_privileges
    yield "new rights", NOT_KNOWN if no_new is None else "refused" if no_new else "allowed (setuid)"
    read_only = facts.read_only
    yield "root fs", NOT_KNOWN if read_only is None else "read-only" if read_only else "writable"


def _command(details: Details) -> Iterator[tuple[str, str]]:
    spec = details.facts.spec
    if spec is None:
        yield "command", NOT_KNOWN
        return
    ran = started(spec.args, details.image_command)
    if ran.entrypoint is not None:
        yield "entrypoint", command(redaction.arguments(ran.entrypoint)) or NONE
    written = command(redaction.arguments(ran.command)) or NONE
    yield "command", f"{written} (the image's)" if ran.of_image and ran.command else written


def events_of(events: Sequence[Event] | None) -> Iterator[tuple[str, str]]:
    """The latest of them. None: nobody keeps them."""
    if events is None:
        yield NOT_KNOWN, "no running agent keeps them, or they may not be read (docs/history.md)"
        return
    if not events:
        yield NONE, "nothing in the last day"
    for event in events[-_EVENTS:]:
        yield clock(event.at), visible(description(event))


def _user(details: Details) -> str:
    facts = details.facts
    if facts.uid is None:
        return NOT_KNOWN
    text = f"uid {facts.uid}"
    if facts.credentials is not None and facts.credentials.uid != facts.uid:
        text += f", uid {facts.credentials.uid} on the host"
    if facts.spec is not None and facts.spec.uid != facts.uid:
        text += f" (uid {facts.spec.uid} is declared)"
    return text


def _whose(shared: bool | None) -> str:
    return NOT_KNOWN if shared is None else "HOST" if shared else "own"


def _rights(posture: Posture) -> Iterator[tuple[str, str]]:
    if posture.capabilities is None:
        yield "capabilities", NOT_KNOWN
    elif not posture.capabilities:
        yield "capabilities", "none"
    else:
        parts = []
        if posture.added:
            everything = posture.capabilities >= frozenset(NAMES)
            parts.append("all there are" if everything else f"default and {listed(posture.added)}")
        else:
            parts.append("default" if not posture.dropped else listed(posture.capabilities))
        if posture.dropped and posture.added:
            parts.append(f"without {listed(posture.dropped)}")
        yield "capabilities", ", ".join(parts)
    yield "seccomp", posture.seccomp or NOT_KNOWN
    yield "confined by", visible(posture.apparmor) or NOT_KNOWN


def _limits(limits: Sequence[CgroupLimits]) -> Iterator[tuple[str, str]]:
    for number, found in enumerate(limits):
        own = number == 0
        values = [
            f"memory {size_limit(found.memory)}",
            f"cpu {cpu_limit(found.cpu)}",
            f"pids {count_limit(found.pids)}",
        ]
        if own:
            values.insert(1, f"swap {size_limit(found.swap)}")
        if found.memory_high is not None and isinstance(found.memory_high, int):
            values.insert(1, f"memory.high {size_limit(found.memory_high)}")
        yield "own" if own else "above", ", ".join(values) + ("" if own else f"  {found.path}")


def _mounts(details: Details) -> Iterator[tuple[str, str]]:
    mounts = details.facts.mounts
    if mounts is None:
        yield NOT_KNOWN, "neither its mount table nor its OCI bundle could be read"
        return
    if not mounts:
        yield NONE, "nothing but what the runtime mounts by itself"
    for mount in mounts:
        yield (
            "read-write" if mount.writable else "read-only",
            f"{visible(mount.source)} at {visible(mount.destination)}"
            + (" (shared)" if mount.shared else ""),
        )


def _image(details: Details) -> Iterator[tuple[str, str]]:
    container = _container(details)
    yield "name", visible(container.image) or NONE
    yield "id", container.image_id or NOT_KNOWN
    if details.scan is not None:
        yield "scanned", _scan(details.scan, details.now)
    elif details.looked_for_scans:
        yield "scanned", "never, by the reports there are"
    if details.verified is not None:
        yield "signature", "verified" if details.verified else "NOT verified"


def _scan(scan: ImageReport, now: float) -> str:
    told = []
    for severity in SEVERITIES:
        fixable = scan.counts.get(Count(severity, True), 0)
        total = fixable + scan.counts.get(Count(severity, False), 0)
        if total:
            told.append(f"{total} {severity}" + (f" ({fixable} fixable)" if fixable else ""))
    age = human_duration(max(0.0, now - scan.scanned_at))
    return f"{', '.join(told) or 'nothing found'}; {scan.tool}, {age} ago"


def _security(posture: Posture) -> str:
    counts = f"{len(posture.failed)} of its checks fail"
    if posture.unknown:
        counts += f", {len(posture.unknown)} could not be made"
    lines = [
        f"Security: {counts}\n",
        f"  strictest Pod Security Standards profile it is known to meet: {posture.profile}\n",
    ]
    for finding in posture.failed:
        lines += _finding(finding, "FAIL")
    for finding in posture.unknown:
        lines.append(f"  ?     {finding.check.id}: {visible(finding.evidence)}\n")
    return "".join(lines)


def _finding(finding: Finding, word: str) -> Iterator[str]:
    check = finding.check
    ids = ", ".join(part for part in (check.cis, check.pss and f"PSS {check.pss}") if part)
    yield f"  {word}  {check.id} ({finding.level}{f'; {ids}' if ids else ''})\n"
    yield f"        {check.title}\n"
    yield f"        Seen: {visible(finding.evidence)}.\n"
    if finding.qualified:
        yield f"        But {finding.qualified}.\n"
    yield f"        > {check.advice}\n"
