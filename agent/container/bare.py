"""Containers of runc and crun without a manager above them.

    /run/runc/<id>/state.json  {"id":"web","init_process_pid":23342,"created":"2026-…Z",
                                "cgroup_paths":{"":"/sys/fs/cgroup/unified/web",…},
                                "config":{"labels":["bundle=/srv/bundle"],…},…}
    /run/crun/<id>/status      {"pid":23613,"cgroup-path":"/web","bundle":"/srv/bundle",
                                "created":"2026-…Z",…}

One that runs with another --root is not found: nothing that runs tells where it is.
"""

from __future__ import annotations

import os
from typing import Final

from agent.container.container import Container
from agent.container.oci import Bundle
from agent.container.statefile import (
    Json,
    Signature,
    child,
    names,
    number,
    read_object,
    signature,
    strings,
    text,
)
from agent.records import NamedTuple

_MAX_STATES: Final = 200
"""State files looked at for a cgroup whose last segment is not the id."""


class State(NamedTuple):
    """One container's state file."""

    runtime: str
    id: str
    pid: int | None
    bundle: str
    cgroups: frozenset[str]
    """Its cgroups' paths, with or without the hierarchy's mount point in front."""

    def owns(self, path: str) -> bool:
        """Whether the cgroup `path` is this container's."""
        return any(own == path or own.endswith(path) for own in self.cgroups)


class States:
    """The state files of runc and crun below one directory, /run; each read when it changed."""

    def __init__(self, run: str) -> None:
        self._roots = (
            ("runc", f"{run}/runc", "state.json"),
            ("crun", f"{run}/crun", "status"),
        )
        self._read: dict[str, tuple[Signature, State]] = {}

    def find(self, path: str) -> State | None:
        """
        The container whose cgroup is `path`.

        Raises `Denied`, `UnreadableState`.
        """
        # By default the cgroup has the id's name, which spares looking at all the others.
        name = _last(path)
        for runtime, root, file in self._roots:
            state = self._state(runtime, f"{root}/{_id(runtime, name)}/{file}")
            if state is not None and state.owns(path):
                return state
        for runtime, root, file in self._roots:
            for id_ in names(root)[:_MAX_STATES]:
                state = self._state(runtime, f"{root}/{id_}/{file}")
                if state is not None and state.owns(path):
                    return state
        return None

    def _state(self, runtime: str, path: str) -> State | None:
        now_is = signature(path)
        if now_is is None:
            self._read.pop(path, None)
            return None
        known = self._read.get(path)
        if known is None or known[0] != now_is:
            value = read_object(path)
            if value is None:
                return None
            parse = parse_runc if runtime == "runc" else parse_crun
            known = (now_is, parse(value, os.path.basename(os.path.dirname(path))))
            self._read[path] = known
        return known[1]


def parse_runc(value: Json, id_: str) -> State:
    """Turn runc's state.json into a State."""
    config = child(value, "config")
    bundle = next(
        (label[7:] for label in strings(config, "labels") if label.startswith("bundle=")), ""
    )
    paths = child(value, "cgroup_paths").values()
    return State(
        runtime="runc",
        id=text(value, "id") or id_,
        pid=number(value, "init_process_pid") or None,
        bundle=bundle,
        cgroups=frozenset(path for path in paths if isinstance(path, str)),
    )


def parse_crun(value: Json, id_: str) -> State:
    """Turn crun's status into a State."""
    return State(
        runtime="crun",
        id=id_,
        pid=number(value, "pid") or None,
        bundle=text(value, "bundle"),
        # With the systemd driver crun makes a cgroup of its own inside the scope.
        cgroups=frozenset({text(value, "cgroup-path").removesuffix("/container")}),
    )


def describe(state: State, bundle: Bundle | None) -> Container:
    """The identity of a container without a manager: its id is its name, and it has no image."""
    return Container(
        runtime=state.runtime,
        id=state.id,
        name=state.id,
        labels=bundle.annotations if bundle is not None else {},
        source=state.runtime,
    )


def _id(runtime: str, name: str) -> str:
    return name.removesuffix(".scope").removeprefix(f"{runtime}-")


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]
