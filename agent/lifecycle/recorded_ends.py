"""Containers that do not run, by what their runtimes keep of them: where nobody watched.

    Docker      <data root>/containers/<id>/config.v2.json
    containerd  <root>/io.containerd.grpc.v1.cri/containers/<id>/status, and meta.db for the names
    CRI-O       <graph root>/<driver>-containers/<id>/userdata/{config.json,state.json}
    Podman      <graph root>/<driver>-containers/containers.json, and its database

Only while the container is kept: until `rm`, and of Kubernetes' the kubelet keeps the latest run.
ctr, runc and crun keep nothing. What each file says: `record.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from agent.config import HostPaths
from agent.container import containerd, crio, podman, podman_ends
from agent.container.container import Container
from agent.container.docker import CONFIG, parse_container, parse_time
from agent.container.docker_roots import data_roots
from agent.container.failures import READ_FAILURES, Failures
from agent.container.oci import read_bundle
from agent.container.podman_database import Databases
from agent.container.podman_roots import graph_roots
from agent.container.statefile import Json, child, names, number, read_object, text
from agent.lifecycle.ended import Ended
from agent.lifecycle.events import Counters, Exit, Reason, Source
from agent.lifecycle.record import (
    CRI_STATUS,
    is_over,
    parse_cri,
    parse_crio,
    parse_docker,
    parse_podman,
)
from agent.lifecycle.run import Recorded
from agent.lifecycle.totals import Total, identity_of
from agent.records import replace

_CRI: Final = "io.containerd.grpc.v1.cri/containers"
_NAMESPACE: Final = "k8s.io"
_RUNS: Final = (2, 3, 5, 8)
"""Podman's states created, running, paused and stopping, of libpod/define/containerstate.go. Times
do not tell: one that is over at once has finishedTime before startedTime, by a clock tick."""
_POD_NAME: Final = "io.kubernetes.pod.name"
Wanted = Callable[[Container], bool]


def recorded_ends(paths: HostPaths, wanted: Wanted, failures: Failures) -> list[Ended]:
    """
    Those that `wanted` takes. Of one that runs again there is nothing, of Kubernetes' each run.

    What cannot be read goes to `failures`.
    """
    looks = (_docker, _cri, _storage)
    return [ended for look in looks for ended in look(paths, wanted, failures)]


def _docker(paths: HostPaths, wanted: Wanted, failures: Failures) -> Iterator[Ended]:
    for root in data_roots(paths, failures):
        parent = f"{paths.host(root)}/containers"
        for id_ in _names(parent, failures):
            path = f"{parent}/{id_}/{CONFIG}"
            try:
                config = read_object(path)
                if config is None:
                    continue
                container = parse_container(config, _host_config(parent, id_), path).container
            except READ_FAILURES as error:
                failures.add(path, error)
                continue
            state = child(config, "State")
            ended = parse_time(text(state, "FinishedAt"))
            if not is_over(state) or ended is None or not wanted(container):
                continue
            waits = state.get("Restarting") is True
            yield _ended(container, parse_docker(config, ended, 0.0), ended, path, waits)


def _host_config(parent: str, id_: str) -> Json | None:
    return read_object(f"{parent}/{id_}/hostconfig.json")


def _cri(paths: HostPaths, wanted: Wanted, failures: Failures) -> Iterator[Ended]:
    for root in map(paths.host, paths.containerd):
        for id_ in _names(f"{root}/{_CRI}", failures):
            path = f"{root}/{CRI_STATUS.format(id=id_)}"
            try:
                status = read_object(path)
                ended = number(status, "FinishedAt") if status is not None else None
                record = containerd.read_record(root, _NAMESPACE, id_) if ended else None
            except READ_FAILURES as error:
                failures.add(path, error)
                continue
            if status is None or not ended or record is None:
                continue
            container = _of_cri(id_, record, number(status, "StartedAt"))
            if wanted(container):
                yield _ended(container, parse_cri(status, ended / 1e9, 0.0), ended / 1e9, path)


def _of_cri(id_: str, record: containerd.Record, started: int | None) -> Container:
    labels = record.labels
    return Container(
        runtime="containerd",
        id=id_,
        name=id_,
        image=record.image,
        image_id=record.image_id,
        container=labels.get("io.kubernetes.container.name", ""),
        pod=labels.get(_POD_NAME, ""),
        namespace=labels.get("io.kubernetes.pod.namespace", ""),
        pod_uid=labels.get("io.kubernetes.pod.uid", ""),
        attempt=record.attempt,
        labels=labels,
        declared=record.declared,
        started=started / 1e9 if started else None,
        log_path=record.log_path,
        log_format="cri" if record.log_path else "",
        source="containerd",
    )


def _storage(paths: HostPaths, wanted: Wanted, failures: Failures) -> Iterator[Ended]:
    """Podman's and CRI-O's: they keep their containers in one kind of storage."""
    stores, databases = podman.Stores(), Databases()
    for graph in map(paths.host, graph_roots(paths, failures)):
        for driver in podman.DRIVERS:
            store = f"{graph}/{driver}-containers"
            try:
                stored = stores.containers(store)
            except READ_FAILURES as error:
                failures.add(store, error)
                continue
            for id_, each in stored.items():
                directory = f"{store}/{id_}/userdata"
                try:
                    ended = _crio(id_, directory, wanted) or _podman(
                        id_, each, graph, databases, wanted
                    )
                except READ_FAILURES as error:
                    failures.add(directory, error)
                    continue
                if ended is not None:
                    yield ended


def _crio(id_: str, directory: str, wanted: Wanted) -> Ended | None:
    bundle = read_bundle(directory)
    if bundle is None or not crio.is_crio(bundle):
        return None
    container = crio.describe(id_, bundle, directory)
    path = f"{directory}/state.json"
    state = read_object(path) if wanted(container) else None
    ended = parse_time(text(state, "finished")) if state is not None else None
    if state is None or ended is None:
        return None
    container = replace(container, started=parse_time(text(state, "started")))
    return _ended(container, parse_crio(state, ended, 0.0), ended, path)


def _podman(
    id_: str, stored: podman.Stored, graph: str, databases: Databases, wanted: Wanted
) -> Ended | None:
    recorded = databases.get(graph, id_)
    if recorded is None:
        return None
    container = podman.describe(id_, "", "", None, stored, recorded)
    # The whole database is copied for each: only of those that are asked for.
    state = podman_ends.read_state(graph, id_) if wanted(container) else None
    ended = parse_time(text(state, "finishedTime")) if state is not None else None
    if state is None or ended is None or number(state, "state") in _RUNS:
        return None
    container = replace(container, started=parse_time(text(state, "startedTime")))
    path = f"Podman's database in {graph}"
    return _ended(container, parse_podman(state, ended, 0.0), ended, path)


def _ended(
    container: Container, recorded: Recorded, at: float, path: str, restarting: bool | None = None
) -> Ended:
    code = recorded.exit_code
    oom = recorded.oom_killed is True
    known = Reason.ERROR if code else Reason.COMPLETED
    started = container.started
    end = Exit(
        code=code,
        signal=None,
        reason=Reason.OOM_KILLED if oom else Reason.UNKNOWN if code is None else known,
        # Of a program that is over at once the start may be written down as after the end.
        ran=None if started is None else max(at - started, 0.0),
        counters=Counters(oom_kills=1) if oom else None,
        final=False,
        source=None if code is None else Source.RUNTIME,
    )
    total = Total(
        identity_of(container),
        restarts=container.attempt or 0,
        exits={end.reason: 1},
        last=end,
        oom_kills=1 if oom else None,
        unread=1,
        ended=at,
        attempt=container.attempt,
    )
    ids = frozenset({container.id})
    return Ended(container=container, ids=ids, total=total, source=path, restarting=restarting)


def _names(directory: str, failures: Failures) -> list[str]:
    try:
        return names(directory)
    except READ_FAILURES as error:
        failures.add(directory, error)
        return []
