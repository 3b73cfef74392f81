"""`agent doctor`: a host that has everything, and the same with one thing missing at a time."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from agent.bpf.support import Decision
from agent.doctor.checks import checks
from agent.doctor.document import document
from agent.doctor.facts import Access, Check, HostFacts, Level, ProbeSupport, Runs
from agent.doctor.running import Trouble
from agent.doctor.text import doctor_text
from tests.golden_file import assert_golden

GOOD_RIGHTS = (1 << 41) - 1
GOOD = HostFacts(
    kernel="6.12.0",
    uid=0,
    cgroup="v2",
    cgroup_mount="/sys/fs/cgroup",
    controllers=frozenset({"cpu", "memory", "io", "pids"}),
    pressure=True,
    capabilities=GOOD_RIGHTS,
    btf=True,
    probes=(
        ProbeSupport(
            name="tcp",
            runs=Runs.ALWAYS,
            decisions=(Decision("libbpf", "on_state", "connections", ""),),
        ),
    ),
    sources=(
        Access(path="/var/lib/docker", exists=True),
        Access(path="/var/lib/containerd", exists=False),
    ),
    containers={"docker": 3},
    state=Access(path="/var/lib/container-agent", exists=True),
    open_files=1048576,
    locked_memory=8 * 1024 * 1024,
    clock=True,
    sockets=(Access(path="/run/containerd/containerd.sock", exists=True),),
    address="127.0.0.1:9464",
    answer="ready",
)
REFUSED = Decision("libbpf", "on_state", "connections", "libbpf.so.1 is not installed")


def wrong(facts: HostFacts) -> list[Check]:
    return [check for check in checks(facts) if check.level is not Level.OK]


def test_nothing_is_wrong_with_a_host_that_has_everything() -> None:
    assert wrong(GOOD) == []


@pytest.mark.parametrize(
    ("facts", "id_", "level"),
    [
        (replace(GOOD, cgroup=None, controllers=None), "cgroup", Level.PROBLEM),
        (
            replace(GOOD, controllers=frozenset({"cpu", "memory", "pids"})),
            "controller.io",
            Level.NOTE,
        ),
        (replace(GOOD, pressure=False), "pressure", Level.NOTE),
        (replace(GOOD, pressure=None), "pressure", Level.NOTE),
        (replace(GOOD, capabilities=~(1 << 19)), "capability.CAP_SYS_PTRACE", Level.NOTE),
        (replace(GOOD, btf=False), "btf", Level.NOTE),
        (
            replace(
                GOOD, probes=(ProbeSupport(name="tcp", runs=Runs.ALWAYS, decisions=(REFUSED,)),)
            ),
            "probe.tcp",
            Level.NOTE,
        ),
        (
            replace(GOOD, sources=(Access(path="/d", exists=True, problem="Permission denied"),)),
            "path./d",
            Level.PROBLEM,
        ),
        (replace(GOOD, containers={}), "containers", Level.NOTE),
        (replace(GOOD, unshipped={"web": "syslog"}), "log_drivers", Level.NOTE),
        (replace(GOOD, unread=("network: 1 could not be read",)), "unread", Level.NOTE),
        (
            replace(GOOD, state=Access(path="/s", exists=False, problem="/ is read-only")),
            "state",
            Level.PROBLEM,
        ),
        (replace(GOOD, open_files=256), "open_files", Level.NOTE),
        (replace(GOOD, answer="", answer_problem="refused"), "agent", Level.NOTE),
        (replace(GOOD, config_problems=("agent.toml:3: unknown key",)), "config", Level.PROBLEM),
        (replace(GOOD, clock=False), "clock", Level.NOTE),
        (replace(GOOD, clock=None), "clock", Level.NOTE),
        (
            replace(GOOD, kernel="5.4.0-1", capabilities=GOOD_RIGHTS & ~(1 << 24)),
            "memlock",
            Level.NOTE,
        ),
        (replace(GOOD, docker_socket="/d.sock"), "socket./d.sock", Level.PROBLEM),
        (
            replace(
                GOOD,
                docker_socket="/d.sock",
                sockets=(Access(path="/d.sock", exists=True, problem="Permission denied"),),
            ),
            "socket./d.sock",
            Level.PROBLEM,
        ),
        (
            replace(GOOD, troubles=(Trouble("agent_history_up", (("reason", "full"),), 0.0),)),
            "agent.agent_history_up",
            Level.NOTE,
        ),
    ],
)
def test_one_missing_thing_is_one_finding_with_its_fix(
    facts: HostFacts, id_: str, level: Level
) -> None:
    (found,) = wrong(facts)
    assert (found.id, found.level) == (id_, level)
    assert found.fix


def test_v1_calls_io_blkio() -> None:
    v1 = frozenset({"cpu", "memory", "pids", "blkio"})
    assert wrong(replace(GOOD, cgroup="v1", controllers=v1)) == []


def test_no_limit_of_open_files_is_not_a_small_one() -> None:
    assert wrong(replace(GOOD, open_files=-1)) == []


@pytest.mark.parametrize(
    "facts",
    [
        replace(GOOD, kernel="5.4.0", locked_memory=-1),
        replace(GOOD, kernel="5.4.0"),
        replace(GOOD, kernel="5.11.0", capabilities=GOOD_RIGHTS & ~(1 << 24)),
        replace(GOOD, kernel="5.4.0", capabilities=GOOD_RIGHTS & ~(1 << 24), probes_enabled=False),
        replace(GOOD, docker_socket="/d.sock", sockets=(Access(path="/d.sock", exists=True),)),
        replace(GOOD, sockets=(Access(path="/c.sock", exists=True, problem="refused"),)),
    ],
)
def test_what_does_no_harm_is_well(facts: HostFacts) -> None:
    assert wrong(facts) == []


def test_one_loader_that_may_is_enough() -> None:
    both = (REFUSED, Decision("bcc", "on_state", "connections", ""))
    assert (
        wrong(replace(GOOD, probes=(ProbeSupport(name="tcp", runs=Runs.ALWAYS, decisions=both),)))
        == []
    )


def test_cap_sys_admin_stands_in_for_what_bpf_needs() -> None:
    held = 1 << 21 | 1 << 2 | 1 << 19
    assert wrong(replace(GOOD, capabilities=held)) == []


def test_probes_that_are_off_are_not_missed() -> None:
    assert wrong(replace(GOOD, probes_enabled=False, btf=False)) == []


def test_the_page() -> None:
    poor = replace(
        GOOD,
        controllers=frozenset({"cpu", "memory", "pids"}),
        capabilities=0,
        probes=(ProbeSupport(name="tcp", runs=Runs.ALWAYS, decisions=(REFUSED,)),),
        state=Access(path="/var/lib/container-agent", exists=False, problem="/var/lib: no"),
        unread=("identity: 1 could not be read, first \x1b[2J",),
    )
    text = doctor_text(checks(poor))
    assert "\x1b" not in text
    assert_golden("doctor.txt", text)


def test_the_document() -> None:
    told = orjson.loads(document(GOOD, checks(GOOD)))
    assert told["schema_version"] == 1
    assert told["ok"] is True
    assert {check["fix"] for check in told["checks"]} == {None}
    lacking = replace(GOOD, cgroup=None)
    assert orjson.loads(document(lacking, checks(lacking)))["ok"] is False
