"""Which loader is taken, and what is said of the others. The loaders themselves are stand-ins."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from agent.bpf.facts import Facts
from agent.bpf.lifecycle import PROGRAMS as LIFECYCLE
from agent.bpf.loaded import Loaded, LoadFailed
from agent.bpf.loader import Backend, ProbeUnavailable, load
from agent.bpf.probeset import LoaderName, ProbeSet
from tests.agent.bpf.test_support import WORKS


class Stand:
    """Loads, or fails with `failure`, and remembers what it was asked."""

    def __init__(self, failure: str = "") -> None:
        self.failure = failure
        self.asked: list[set[str]] = []

    def __call__(
        self, probe: ProbeSet, facts: Facts, without: Collection[str], sizes: Mapping[str, int]
    ) -> Loaded:
        self.asked.append(set(without))
        if self.failure:
            raise LoadFailed(self.failure)
        return Loaded()


def backends(libbpf: Stand, bcc: Stand) -> dict[LoaderName, Backend]:
    return {"libbpf": libbpf, "bcc": bcc}


def test_auto_takes_libbpf_where_it_loads_and_does_not_ask_bcc() -> None:
    libbpf, bcc = Stand(), Stand()
    name, loaded, reasons = load(LIFECYCLE, "auto", WORKS, backends(libbpf, bcc))
    assert (name, reasons, loaded.off) == ("libbpf", (), {})
    assert bcc.asked == []


def test_auto_falls_back_to_bcc_and_keeps_the_reason() -> None:
    libbpf, bcc = Stand("libbpf: load: Invalid argument"), Stand()
    name, _, reasons = load(LIFECYCLE, "auto", WORKS, backends(libbpf, bcc))
    assert name == "bcc"
    assert reasons == (("libbpf", "libbpf: load: Invalid argument"),)


def test_a_loader_the_facts_refuse_is_not_even_tried() -> None:
    libbpf, bcc = Stand(), Stand()
    facts = replace(WORKS, libbpf=None)
    name, _, reasons = load(LIFECYCLE, "auto", facts, backends(libbpf, bcc))
    assert name == "bcc"
    assert libbpf.asked == []
    assert reasons == (("libbpf", "libbpf.so.1 is not installed (Debian: libbpf1)"),)


@pytest.mark.parametrize("chosen", ["libbpf", "bcc"])
def test_a_chosen_loader_is_the_only_one_tried(chosen: LoaderName) -> None:
    stands = {"libbpf": Stand("no"), "bcc": Stand("no")}
    with pytest.raises(ProbeUnavailable) as caught:
        load(LIFECYCLE, chosen, WORKS, backends(**stands))
    assert caught.value.reasons == ((chosen, "no"),)
    assert [name for name, stand in stands.items() if stand.asked] == [chosen]


def test_where_both_fail_both_reasons_are_told() -> None:
    with pytest.raises(ProbeUnavailable) as caught:
        load(LIFECYCLE, "auto", WORKS, backends(Stand("this"), Stand("that")))
    assert caught.value.reasons == (("libbpf", "this"), ("bcc", "that"))
    assert caught.value.reason == "libbpf: this; bcc: that"


def test_one_reason_for_both_is_told_once() -> None:
    facts = replace(WORKS, capabilities=0)
    with pytest.raises(ProbeUnavailable) as caught:
        load(LIFECYCLE, "auto", facts, backends(Stand(), Stand()))
    assert caught.value.reason == ("this process lacks CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN)")
    assert [name for name, _ in caught.value.reasons] == ["libbpf", "bcc"]


def test_a_refused_program_is_left_out_and_its_reason_kept() -> None:
    libbpf = Stand()
    facts = replace(WORKS, tracepoints=WORKS.tracepoints - {"mark_victim"})
    name, loaded, _ = load(LIFECYCLE, "auto", facts, backends(libbpf, Stand()))
    assert name == "libbpf"
    assert libbpf.asked == [{"on_oom"}]
    assert loaded.off == {"on_oom": "kernel 6.12.0 has no tracepoint mark_victim"}


def test_closing_what_is_loaded_closes_every_descriptor_once() -> None:
    read, write = os.pipe()
    loaded = Loaded(links={"a": (read,)}, maps={"b": write})
    loaded.close()
    for fd in (read, write):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)
    loaded.close()
