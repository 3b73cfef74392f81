"""`agent why` and `agent inspect` of what does not run, by the real command line and a history."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cgroupfs.reading import Cgroup
from agent.cli.ended import meant, together
from agent.cli.exits import NOT_FOUND, OK
from agent.cli.main import main
from agent.container.container import Container
from agent.container.target import parse_target
from agent.history.ring import Bounds, Ring
from agent.lifecycle.ended import Ended
from agent.lifecycle.events import Event, Exit, Reason, What
from agent.lifecycle.totals import identity_of
from tests.agent.diagnosis.test_ended import ended
from tests.agent.snapshots import docker, pod, snapshot

NOW = time.time()
RUN = 2.0
NAMESPACE = "test-of-what-ended"
"""What runs on this machine is looked at too, and has other names."""
APP = pod(NAMESPACE, "ended", "app")


def lives(container: Container, attempt: int, at: float, code: int) -> tuple[Event, Event]:
    """A start and the end after it."""
    cgroup = Cgroup(int(at), f"/{container.name}", at)
    this = replace(container, id=f"{attempt:x}" * 64, attempt=attempt)
    reason = Reason.ERROR if code else Reason.COMPLETED
    end = Exit(code=code, signal=None, reason=reason, ran=RUN, counters=None, final=True)
    return (
        Event(at=at, what=What.STARTED, cgroup=cgroup, container=this),
        Event(at=at + RUN, what=What.EXITED, cgroup=cgroup, container=this, exit=end),
    )


@pytest.fixture
def state(tmp_path: Path) -> str:
    """logs.state with a history of a pod that is restarted, its init container, and a job."""
    ring = Ring(str(tmp_path / "history"), Bounds(10**9, 1e9))
    ring.add(replace(snapshot(), wall_time=NOW - 600))
    for event in (
        *lives(pod(NAMESPACE, "ended", "init"), 0, NOW - 100, 0),
        *(
            e
            for n in range(4)
            for e in lives(pod(NAMESPACE, "ended", "app"), n, NOW - 90 + 20 * n, 3)
        ),
        *lives(docker("test-job-that-ended"), 0, NOW - 500, 0),
    ):
        ring.event(event)
    ring.close()
    return f"logs.state={tmp_path}"


def ends(argv: Sequence[str], state: str) -> int:
    try:
        return main([*argv, "--set", state, "--set", "paths.docker=[]"])
    except SystemExit as ended:
        return int(ended.code or 0)


def test_why_of_a_pod_of_which_nothing_runs(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["why", f"{NAMESPACE}/ended", "-o", "json"], state) == OK
    (told,) = json.loads(capsys.readouterr().out)["containers"]
    assert told["name"] == f"{NAMESPACE}/ended/app", (
        "an init container that is done is nobody's question"
    )
    assert told["ended"]["exit_code"] == 3
    assert told["ended"]["restarts"] == 3
    assert told["ended"]["down_seconds_before"] == pytest.approx([18.0] * 3, abs=0.1)


def test_why_of_a_job_that_is_done(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["why", "test-job-that-ended"], state) == OK
    out = capsys.readouterr().out
    assert "test-job-that-ended   (demo:1, docker, down for " in out
    assert "ended with exit code 0 (Completed) after 2s" in out


def test_the_id_of_an_earlier_run_is_the_same_container(
    state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(["inspect", "1" * 63, "-o", "json"], state) == OK
    told = json.loads(capsys.readouterr().out)
    assert (told["title"], told["ended"]["restarts"]) == (f"{NAMESPACE}/ended/app", 3)
    assert [event["event"] for event in told["events"]] == ["started", "exited"] * 4
    assert (told["cgroup"], told["process"], told["security"]) == (None, None, None)


def test_inspect_shows_how_it_ended(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["inspect", f"{NAMESPACE}/ended"], state) == OK
    out = capsys.readouterr().out
    assert "It does not run" in out
    assert "3 Error after 2.00s" in out
    assert "18s, 18s, 18s before its latest starts" in out
    assert "exited 3 Error after 2.00s" in out


def test_nobody_is_still_nobody(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["why", f"{NAMESPACE}/other"], state) == NOT_FOUND
    assert ends(["inspect", f"{NAMESPACE}/other"], state) == NOT_FOUND
    assert f"no running container is '{NAMESPACE}/other'" in capsys.readouterr().err


def test_what_cannot_be_read_is_said_where_nothing_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "containers" / ("c" * 64) / "config.v2.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    settings = ("--set", f"logs.state={tmp_path}", "--set", f"paths.docker=['{tmp_path}']")
    with pytest.raises(SystemExit) as ended:
        main(["why", f"{NAMESPACE}/other", *settings])
    assert ended.value.code == NOT_FOUND
    assert "agent why: not read: " in capsys.readouterr().err
    assert main(["why", "--seconds", "1", "-o", "json", *settings]) == OK
    assert "not read" not in capsys.readouterr().err


def at(found: Ended, moment: float, *, restarting: bool | None) -> Ended:
    return replace(
        found, total=replace(found.total, ended=moment), restarting=restarting, source="its runtime"
    )


def test_the_history_goes_before_the_records_unless_they_know_a_later_end() -> None:
    kept = ended()
    identity = kept.total.identity
    (same,) = together({identity: kept}, [at(kept, kept.at + 0.3, restarting=True)]).values()
    assert (same.source, same.restarting) == (kept.source, True)
    (later,) = together({identity: kept}, [at(kept, kept.at + 60.0, restarting=False)]).values()
    assert later.source == "its runtime"


def test_of_several_runs_the_records_latest_counts() -> None:
    one = ended()
    old = at(one, one.at - 50.0, restarting=None)
    assert list(together({}, [one, old]).values()) == [one]


def test_a_cgroups_path_means_the_container_whose_id_is_in_it() -> None:
    web = docker("web")
    target = parse_target(f"cgroup:/docker/{web.id}")
    assert meant(target, [(0, docker("db")), (1, web)]) == [1]
    assert identity_of(web).name == "web"
