"""Whether the kernel confines the container less than was declared.

More confinement than declared is no drift: a program may drop its capabilities or its user, or
filter itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.security.capabilities import from_mask, listed
from agent.security.check import PASSED, Verdict, failed, unknown
from agent.security.facts import Facts
from agent.security.process import ProcessState
from agent.security.spec import Spec

_NAMESPACES = {
    "network": "net",
    "pid": "pid",
    "ipc": "ipc",
    "uts": "uts",
    "user": "user",
    "cgroup": "cgroup",
}


def drift(facts: Facts) -> Verdict:
    if facts.spec is None or facts.process is None:
        return unknown("takes both its OCI bundle and its process")
    found = [*_privileges(facts.spec, facts.process), *_isolation(facts, facts.spec)]
    return failed("; ".join(found)) if found else PASSED


def _privileges(spec: Spec, process: ProcessState) -> Iterator[str]:
    credentials = process.credentials
    if spec.seccomp and credentials.seccomp == 0:
        yield "a seccomp filter is declared and none is on"
    if spec.no_new_privileges and credentials.no_new_privileges is False:
        yield "no-new-privileges is declared and off"
    # Inside a user namespace the numbers are of that namespace, as the spec's are.
    more = from_mask(credentials.bounding) - spec.bounding
    if more:
        yield f"capabilities beyond the declared: {listed(more)}"
    if spec.apparmor and spec.apparmor != "unconfined" and process.label:
        profile = process.label.partition(" ")[0]
        if profile == "unconfined":
            yield f"AppArmor profile {spec.apparmor} is declared and it is unconfined"


def _isolation(facts: Facts, spec: Spec) -> Iterator[str]:
    # What the checks see without the declaration is what the kernel says.
    if spec.uid and facts.uid == 0:
        yield f"uid {spec.uid} is declared and it runs as uid 0"
    if spec.read_only and facts.read_only is False:
        yield "a read-only root filesystem is declared and it is writable"
    if spec.masked_paths and facts.masked_now is False:
        yield "masked paths are declared and none is mounted"
    for type_, name in _NAMESPACES.items():
        # With a path it joins a namespace that may well be the host's.
        if spec.namespaces.get(type_) == "" and facts.shares_now(name):
            yield f"a {type_} namespace of its own is declared and it is in the host's"
