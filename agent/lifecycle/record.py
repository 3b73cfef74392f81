"""What the runtime writes down about the end of a container, and about its health.

Docker      <data root>/containers/<id>/config.v2.json, replaced as a whole:
            "State":{"Running":false,"OOMKilled":false,"ExitCode":3,
             "StartedAt":"2026-11-24T02:59:52.027558048Z","FinishedAt":"2026-…Z",
             "Health":{"Status":"unhealthy","FailingStreak":3,…}}     Health: null without a check
containerd  <root>/io.containerd.grpc.v1.cri/containers/<id>/status, of CRI alone; nanoseconds:
            {"Version":"v1","Pid":0,"StartedAt":1795489647899593659,
             "FinishedAt":1795489648990944049,"ExitCode":137,"Reason":"OOMKilled",…}
            FinishedAt may be a bit before StartedAt. The same in containerd 1.6, 1.7 and 2.1.

The record of an earlier run looks the same, so only one that was finished after the run in question
was seen to begin counts. A runtime notes the end after it happened, by the same clock.
"""

from __future__ import annotations

from typing import Final

from agent.container.docker import parse_time
from agent.container.statefile import Json, child, number, read_object, text
from agent.lifecycle.events import Health
from agent.lifecycle.run import Recorded

CRI_STATUS: Final = "io.containerd.grpc.v1.cri/containers/{id}/status"


def read_docker(path: str, at: float, began: float) -> Recorded | None:
    """
    config.v2.json at `path`. None where it is absent.

    began: Unix seconds of the run in question. Raises `Denied`, `UnreadableState`, OSError.
    """
    config = read_object(path)
    return None if config is None else parse_docker(config, at, began)


def parse_docker(config: Json, at: float, began: float) -> Recorded:
    """
    The part of config.v2.json that is about the run which began at `began`.

    Its exit code is the daemon's, which is 126 to 128 where the program could not be started.
    """
    state = child(config, "State")
    finished = parse_time(text(state, "FinishedAt"))
    # A start that failed leaves FinishedAt as it was, and says why.
    failed = state.get("Running") is False and bool(text(state, "Error"))
    is_over = failed or (state.get("Running") is False and _is_of(finished, began))
    return Recorded(
        at=at,
        exit_code=number(state, "ExitCode") if is_over else None,
        failed=failed,
        oom_killed=state.get("OOMKilled") is True if is_over else None,
        health=_health(state),
    )


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


def _is_of(finished: float | None, began: float) -> bool:
    return finished is not None and finished >= began


def _health(state: Json) -> Health | None:
    if "Health" not in state:
        return None
    status = text(child(state, "Health"), "Status") or Health.NONE.value
    return next((health for health in Health if health.value == status), None)
