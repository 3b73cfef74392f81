"""Facts for the tests of agent.security: captured files, changed where a test says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from agent.container.container import Container
from agent.container.declared import Declared, RestartPolicy
from agent.kernelfile import UNLIMITED
from agent.procfs.credentials import Credentials, IdRange, parse_credentials, parse_id_map
from agent.procfs.mountinfo import Mount, parse_mountinfo
from agent.security.capabilities import NAMES
from agent.security.facts import Facts, Limits, facts_of
from agent.security.host import HostState, by_device
from agent.security.posture import Posture, evaluate
from agent.security.process import ProcessState
from agent.security.spec import Spec, parse_spec

RUNTIMES = Path(__file__).parents[2] / "fixtures" / "runtimes"
ID = "d4d50b77118d3cfa4e9c27691c6ecd60695a0d247feed30b9140204ec54f2dce"
HOST_INODES = {"net": 1, "pid": 2, "ipc": 3, "uts": 4, "user": 5, "cgroup": 6, "mnt": 7}
OWN_INODES = {"net": 11, "pid": 12, "ipc": 13, "uts": 14, "user": 5, "cgroup": 16, "mnt": 17}
"""A container's: all its own but the user namespace, as by default."""
ALL = (1 << len(NAMES)) - 1

Config = dict[str, Any]


def captured(runtime: str) -> bytes:
    return (RUNTIMES / f"{runtime}-oci-config.json").read_bytes()


def spec(runtime: str = "docker", change: Callable[[Config], None] = lambda _: None) -> Spec:
    """A captured bundle, changed by `change`."""
    config = orjson.loads(captured(runtime))
    if runtime == "docker":  # captured with --network host --read-only; the process without
        config["linux"]["namespaces"][1] = {"type": "network"}
        config["root"]["readonly"] = False
    change(config)
    return parse_spec(orjson.dumps(config), "config.json")


def host_mounts(*lines: str) -> tuple[Mount, ...]:
    """A host's mount table: its disk at /, and these lines more."""
    return parse_mountinfo("\n".join(["25 1 254:0 / / rw shared:1 - ext4 /dev/vda rw", *lines]))


def host(*lines: str, sockets: tuple[str, ...] = ("/run/docker.sock",)) -> HostState:
    return HostState(
        namespaces=HOST_INODES,
        bounding=frozenset(NAMES),
        mounts=by_device(host_mounts(*lines)),
        sockets=sockets,
    )


def credentials(**changes: Any) -> Credentials:
    found = parse_credentials((RUNTIMES / "docker-process" / "status").read_text())
    return found._replace(**changes)


def process(
    *,
    namespaces: dict[str, int] | None = None,
    uid_map: tuple[IdRange, ...] | None = None,
    label: str | None = "docker-default (enforce)",
    mounts: tuple[Mount, ...] | None = None,
    more_mounts: str = "",
    **changes: Any,
) -> ProcessState:
    """The captured Docker process, changed. `changes` are of its Credentials."""
    text = (RUNTIMES / "docker-process" / "mountinfo").read_text()
    return ProcessState(
        pid=6846,
        credentials=credentials(**changes),
        namespaces=OWN_INODES if namespaces is None else namespaces,
        uid_map=parse_id_map((RUNTIMES / "docker-process" / "uid_map").read_text())
        if uid_map is None
        else uid_map,
        label=label,
        mounts=parse_mountinfo(text + more_mounts) if mounts is None else mounts,
    )


CONTAINER = Container(
    runtime="docker",
    id=ID,
    name="web",
    image="shop/api:4.2@sha256:" + "a" * 64,
    image_id="sha256:" + "b" * 64,
    declared=Declared(
        ports=(), restart=RestartPolicy("no", 0), health_check=True, default_bridge=False
    ),
    pid=6846,
)
LIMITED = Limits(memory=64 << 20, cpu=50_000, pids=100)
NOT_LIMITED = Limits(memory=UNLIMITED, cpu=UNLIMITED, pids=UNLIMITED)


def facts(
    *,
    declared: Spec | None = None,
    effective: ProcessState | None = None,
    machine: HostState | None = None,
    container: Container = CONTAINER,
    limits: Limits = LIMITED,
) -> Facts:
    """A container of Docker's defaults, with what a test changes. See `blind` for what is not
    readable."""
    return facts_of(
        container=container,
        host=machine or host(),
        spec=declared or spec(),
        process=effective or process(),
        limits=limits,
    )


def blind(of: Facts, *, spec: bool = False, process: bool = False) -> Facts:
    """The same where the bundle or the process may not be read."""
    return facts_of(
        container=of.container,
        host=of.host,
        spec=None if spec else of.spec,
        process=None if process else of.process,
        limits=of.limits,
    )


def failing(of: Facts) -> dict[str, str]:
    """Failing check → its evidence."""
    return {finding.check.id: finding.evidence for finding in evaluate(of).failed}


def unknown(of: Facts) -> set[str]:
    return {finding.check.id for finding in evaluate(of).unknown}


def posture(of: Facts) -> Posture:
    return evaluate(of)


def image(name: str) -> Facts:
    return facts(container=replace(CONTAINER, image=name))
