"""Each probe of the registry is told, with when it runs and whether it could."""

from __future__ import annotations

import pytest

from agent.bpf.registry import KINDS
from agent.bpf.support import Decision
from agent.bpf.sweep import PROGRAMS as SWEEP
from agent.config import ProbesConfig
from agent.doctor.facts import Check, HostFacts, Level, ProbeSupport, Runs
from agent.doctor.probes import planned, probes


def runs(config: ProbesConfig) -> dict[str, Runs]:
    return {each.programs.name: each.runs for each in planned(config, sweep=SWEEP)}


def check(*decisions: Decision, runs: Runs) -> Check:
    facts = HostFacts(
        kernel="6.12.0",
        uid=0,
        cgroup="v2",
        controllers=None,
        pressure=None,
        capabilities=None,
        btf=True,
        probes=(ProbeSupport(name="dns", runs=runs, decisions=decisions),),
    )
    _, told = probes(facts)
    assert told.id == "probe.dns"
    return told


def test_every_probe_is_planned_by_what_the_configuration_says() -> None:
    plans = runs(ProbesConfig())
    assert plans.keys() == {kind.name for kind in KINDS} | {"sweep"}
    assert {name for name, each in plans.items() if each is Runs.TRACE} == {"io_times"}
    assert {name for name, each in plans.items() if each is Runs.WINDOWS} == {"syscalls", "sched"}
    assert plans["block_io"] is plans["sweep"] is Runs.ALWAYS
    assert plans["dns"] is plans["faults"] is Runs.OFF_BY_DEFAULT
    asked = ProbesConfig(on=("dns", "faults"), off=("tcp",), window=0.0, sweep=False)
    plans = runs(asked)
    assert plans["dns"] is Runs.ALWAYS
    assert plans["faults"] is plans["sched"] is Runs.NO_WINDOW
    assert plans["tcp"] is plans["sweep"] is Runs.OFF


def test_one_that_may_says_by_which_loader_and_when() -> None:
    both = (Decision("libbpf", "on", "dns", ""), Decision("bcc", "on", "dns", ""))
    told = check(*both, runs=Runs.OFF_BY_DEFAULT)
    assert told == Check(
        "probe.dns", Level.OK, "probe dns (off by default) may be loaded by libbpf, bcc"
    )


@pytest.mark.parametrize("when", Runs)
def test_what_may_not_run_is_a_note_where_it_was_to_run(when: Runs) -> None:
    refused = Decision("libbpf", "on", "dns", "this process lacks CAP_NET_ADMIN")
    told = check(refused, Decision("bcc", "on", "dns", "bcc is not installed"), runs=when)
    why = "libbpf: this process lacks CAP_NET_ADMIN; bcc: bcc is not installed"
    if when.is_off:
        assert (told.level, told.fix) == (Level.OK, "")
        assert told.said == f"probe dns ({when.value}) would count no dns: {why}"
    else:
        assert (told.level, told.fix) == (Level.NOTE, why)
        assert told.said == f"probe dns ({when.value}) counts no dns"
