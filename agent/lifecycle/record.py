"""What the runtime writes down about the end of a container, and about its health.

Docker      <data root>/containers/<id>/config.v2.json, replaced as a whole:
            "State":{"Running":false,"OOMKilled":false,"ExitCode":3,
             "StartedAt":"2026-11-24T02:59:52.027558048Z","FinishedAt":"2026-…Z",
             "Health":{"Status":"unhealthy","FailingStreak":3,"Log":[…]}}
            Health is null without a check. Docker 26 and newer write it down as it was at the
            start, and then only beside other changes (moby/moby#47044).
containerd  <root>/io.containerd.grpc.v1.cri/containers/<id>/status, of CRI alone; nanoseconds:
            {"Version":"v1","Pid":0,"StartedAt":1795489647899593659,
             "FinishedAt":1795489648990944049,"ExitCode":137,"Reason":"OOMKilled",…}
            FinishedAt may be a bit before StartedAt. The same in containerd 1.6, 1.7 and 2.1.
conmon      <--exit-dir>/<id> and <--persist-dir>/exit: "137"; a file `oom` in the bundle or in
            --persist-dir where the OOM killer came. Podman takes the first away when it cleans up.
CRI-O       <--persist-dir>/state.json: {"finished":"2026-…Z","exitCode":137,"oomKilled":true,…}
Podman      its database, which has the same under other names: see podman_ends.py

The record of an earlier run looks the same, so only one that was finished after the run in question
was seen to begin counts. A runtime notes the end after it happened, by the same clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent.container import podman, podman_ends
from agent.container.docker import parse_time
from agent.container.statefile import (
    Json,
    UnreadableState,
    child,
    number,
    read_bytes,
    read_object,
    signature,
    text,
)
from agent.container.supervisor import Supervisor
from agent.lifecycle.events import Health
from agent.lifecycle.run import Recorded
from agent.records import replace

_COARSE: Final = 0.01
"""Seconds by which a file's time may be behind: it is the kernel's last clock tick."""
CRI_STATUS: Final = "io.containerd.grpc.v1.cri/containers/{id}/status"


def read_docker(path: str, at: float, began: float) -> Recorded | None:
    """
    config.v2.json at `path`. None where it is absent.

    began: Unix seconds of the run in question. Raises `Denied`, `UnreadableState`, OSError.
    """
    config = read_object(path)
    if config is None:
        return None
    found = parse_docker(config, at, began)
    # Without an outcome yet it is what every start writes, for good since Docker 26.
    outcomes = child(child(config, "State"), "Health").get("Log")
    return (
        replace(found, health=None) if found.health is Health.STARTING and not outcomes else found
    )


def parse_docker(config: Json, at: float, began: float) -> Recorded:
    """
    The part of config.v2.json that is about the run which began at `began`.

    Its exit code is the daemon's, which is 126 to 128 where the program could not be started.
    """
    state = child(config, "State")
    finished = parse_time(text(state, "FinishedAt"))
    # A start that failed leaves FinishedAt as it was, and says why.
    failed = state.get("Running") is False and bool(text(state, "Error"))
    ended = failed or (is_over(state) and _is_of(finished, began))
    return Recorded(
        at=at,
        exit_code=number(state, "ExitCode") if ended else None,
        failed=failed,
        oom_killed=state.get("OOMKilled") is True if ended else None,
        health=_health(state),
    )


def is_over(state: Json) -> bool:
    """Whether a container of Docker's does not run. While Docker waits to start it again it says
    both: "Running":true,"Restarting":true,"Pid":0."""
    return state.get("Running") is False or state.get("Restarting") is True


def read_cri(path: str, at: float, began: float) -> Recorded | None:
    """CRI's status file at `path`; like `read_docker`."""
    status = read_object(path)
    return None if status is None else parse_cri(status, at, began)


def parse_cri(status: Json, at: float, began: float) -> Recorded:
    """The part of a CRI status that is about the run which began at `began`."""
    finished = number(status, "FinishedAt")
    is_over = bool(finished) and _is_of((finished or 0) / 1e9, began)
    return Recorded(
        at=at,
        exit_code=number(status, "ExitCode") if is_over else None,
        oom_killed=text(status, "Reason") == "OOMKilled" if is_over else None,
    )


def read_conmon(conmon: Supervisor, at: float, began: float) -> Recorded:
    """
    What conmon wrote down, or who started it: Podman in its database, CRI-O in state.json.

    The paths are as this process sees them. Raises like `read_docker`.
    """
    code = _first_code(conmon, began)
    oom = any(
        _written_since(f"{directory}/oom", began)
        for directory in (conmon.persist, conmon.bundle)
        if directory
    )
    if code is not None:
        # No file is no word: whoever looks for the kill may have been too late to see it.
        return Recorded(at, exit_code=code, oom_killed=oom or None)
    state = read_object(f"{conmon.persist}/state.json") if conmon.persist else None
    if state is not None:
        return parse_crio(state, at, began)
    graph = podman.graph_root(conmon.bundle)
    state = podman_ends.read_state(graph, conmon.id) if graph else None
    return Recorded(at) if state is None else parse_podman(state, at, began)


def parse_crio(state: Json, at: float, began: float) -> Recorded:
    """The part of CRI-O's state.json that is about the run which began at `began`."""
    return _ended(state, at, began, "finished", number(state, "exitCode"))


def parse_podman(state: Json, at: float, began: float) -> Recorded:
    """The same of Podman's state, which leaves out a zero."""
    return _ended(state, at, began, "finishedTime", number(state, "exitCode") or 0)


def _ended(state: Json, at: float, began: float, finished: str, code: int | None) -> Recorded:
    if not _is_of(parse_time(text(state, finished)), began):
        return Recorded(at)
    known = code if code is not None and 0 <= code <= 255 else None
    return Recorded(at, exit_code=known, oom_killed=state.get("oomKilled") is True)


def parse_exit_file(data: bytes, path: str) -> int:
    """conmon's word for the end, 0 to 255. Raises `UnreadableState`."""
    digits = data.strip()
    if not (digits.isdigit() and len(digits) <= 3 and int(digits) <= 255):
        raise UnreadableState(path, "no exit code in it")
    return int(digits)


def _first_code(conmon: Supervisor, began: float) -> int | None:
    for path in _exit_files(conmon):
        if _written_since(path, began) and (data := read_bytes(path)):
            return parse_exit_file(data, path)
    return None


def _exit_files(conmon: Supervisor) -> Iterator[str]:
    if conmon.exit_file:
        yield conmon.exit_file
    if conmon.persist:
        yield f"{conmon.persist}/exit"


def _written_since(path: str, began: float) -> bool:
    found = signature(path)
    return found is not None and found.mtime_ns / 1e9 >= began - _COARSE


def _is_of(finished: float | None, began: float) -> bool:
    return finished is not None and finished >= began


def _health(state: Json) -> Health | None:
    if "Health" not in state:
        return None
    status = text(child(state, "Health"), "Status") or Health.NONE.value
    return next((health for health in Health if health.value == status), None)
