from __future__ import annotations

from datetime import UTC

import orjson
import pytest

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container
from agent.lifecycle.document import document
from agent.lifecycle.events import Counters, Event, Exit, Health, Reason, Source, What
from agent.lifecycle.text import line

AT = 1_760_000_000.12
WEB = Container(runtime="docker", id="7f54", name="web", image="demo:1", attempt=2)
APP = Container(
    runtime="containerd",
    id="ed42",
    name="ed42",
    container="app",
    pod="api",
    namespace="shop",
    image="api:4.2",
    labels={"app": "api"},
)
KILLED = Exit(
    code=137,
    signal=9,
    reason=Reason.OOM_KILLED,
    ran=2.1,
    counters=Counters(
        cpu_usec=200_000, memory_peak=12 << 20, read_bytes=0, write_bytes=4096, oom_kills=1
    ),
    final=True,
    source=Source.PROBE,
)


def event(what: What, container: Container = WEB, **more: object) -> Event:
    return Event(at=AT, what=what, cgroup=Cgroup(7, "/x", 0.0), container=container, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (event(What.STARTED), "started demo:1, attempt 2"),
        (event(What.FOUND, health=Health.NONE), "runs demo:1"),
        (event(What.FOUND, health=Health.STARTING), "runs demo:1, starting"),
        (event(What.OOM_KILLED, oom_kills=1), "oom-killed 1 process"),
        (event(What.OOM_KILLED, oom_kills=3), "oom-killed 3 processes"),
        (event(What.HEALTH, health=Health.UNHEALTHY), "health unhealthy"),
        (
            event(What.EXITED, exit=KILLED),
            "exited 137 OOMKilled (signal 9) after 2.10s, cpu 0.20s, peak 12.0M, wrote 4.00K",
        ),
    ],
)
def test_a_line_says_what_happened(said: Event, words: str) -> None:
    assert line(said, UTC) == f"08:53:20.120  {'web':<28}  {words}"


def test_what_was_not_read_is_not_shown_as_zero() -> None:
    end = Exit(code=None, signal=None, reason=Reason.UNKNOWN, ran=None, counters=None, final=False)
    assert line(event(What.EXITED, exit=end)).endswith(
        "exited with an unknown code, counters not read in time"
    )


def test_what_was_read_before_the_end_is_at_least_that() -> None:
    end = Exit(
        code=0,
        signal=None,
        reason=Reason.COMPLETED,
        ran=1.0,
        counters=Counters(cpu_usec=10_000),
        final=False,
    )
    assert line(event(What.EXITED, exit=end)).endswith("after 1.00s, cpu >=0.01s")


def test_a_pods_container_is_named_by_its_place() -> None:
    assert "shop/api/app" in line(event(What.STARTED, APP))


def test_the_json_of_a_start() -> None:
    assert orjson.loads(document(event(What.STARTED, APP))) == {
        "schema_version": 1,
        "time": AT,
        "event": "started",
        "name": "ed42",
        "title": "shop/api/app",
        "namespace": "shop",
        "pod": "api",
        "container": "app",
        "kind": "container",
        "runtime": "containerd",
        "id": "ed42",
        "image": "api:4.2",
        "labels": {"app": "api"},
        "cgroup": "/x",
        "nested_in": "",
        "attempt": None,
        "health": None,
    }


def test_the_json_of_an_end() -> None:
    found = orjson.loads(document(event(What.EXITED, exit=KILLED)))
    assert {
        key: found[key] for key in found.keys() - orjson.loads(document(event(What.EXITED)))
    } == {
        "exit_code": 137,
        "signal": 9,
        "exit_code_source": "probe",
        "reason": "OOMKilled",
        "run_seconds": 2.1,
        "cpu_seconds": 0.2,
        "memory_peak_bytes": 12 << 20,
        "io_read_bytes": 0,
        "io_write_bytes": 4096,
        "oom_kills": 1,
        "final": True,
    }


def test_a_name_that_is_no_text_is_written_all_the_same() -> None:
    odd = Container(runtime="runc", id="a\udcff", name="a\udcff")
    assert orjson.loads(document(event(What.STARTED, odd)))["name"] == "a?"
