"""What an operator must be able to rely on: least rights for every probe, room beside other tools,
and no right that is needed once all is loaded."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from agent.bpf.loader import open_probe
from agent.bpf.probe import Probe
from agent.bpf.registry import KINDS
from agent.bpf.traffic import BYTES
from agent.bpf.traffic_counts import Traffic
from tests.agent.bpf.test_lifecycle import as_nobody

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("libbpf_may_load")]

_EVERY = """
from agent.bpf.loader import ProbeUnavailable, open_probe
from agent.bpf.registry import KINDS
from agent.bpf.sweep import open_sweep
for kind in KINDS:
    try:
        with open_probe(kind, "libbpf") as probe:
            if kind.windowed:
                probe.attach()
            probe.read()
            print(kind.name, ", ".join(probe.off.values()))
    except ProbeUnavailable as unavailable:
        print(kind.name, unavailable.reason)
with open_sweep(100):
    print("sweep ")
"""
_DROPPED = """
import ctypes, struct, subprocess
from agent.bpf.lifecycle import LIFECYCLE
from agent.bpf.loader import ProbeUnavailable, open_probe

def execs():
    return sum(counts.execs for counts in probe.read().cgroups.values())

with open_probe(LIFECYCLE, "libbpf") as probe:
    before = execs()
    head = struct.pack("=Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    assert ctypes.CDLL(None).capset(head, bytes(24)) == 0
    subprocess.run(["/bin/true"], check=True)
    print("counts" if execs() > before else "counts no more")
    try:
        open_probe(LIFECYCLE, "libbpf")
    except ProbeUnavailable as unavailable:
        print(unavailable.reason)
"""
PACKETS = "this process lacks CAP_NET_ADMIN (or CAP_SYS_ADMIN)"


def test_an_ordinary_user_with_two_capabilities_has_every_probe_but_packets() -> None:
    run = as_nobody(("bpf", "perfmon"), _EVERY)
    assert run.stderr == ""
    outcomes = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    assert outcomes.keys() == {kind.name for kind in KINDS} | {"sweep"}
    packets = {
        kind.name
        for kind in KINDS
        if any(program.kind.startswith("cgroup_") for program in kind.programs.programs)
    }
    for name, outcome in outcomes.items():
        if name == "profile" and int(paranoid()) > 2:
            assert "Permission denied" in outcome
        else:
            assert outcome == (PACKETS if name in packets else ""), name


def paranoid() -> str:
    """Above 2, which only some distributions know, CAP_PERFMON is not enough for samples."""
    return Path("/proc/sys/kernel/perf_event_paranoid").read_text()


def test_another_holder_of_the_same_programs_changes_nothing() -> None:
    """As beside other tools at the root of the cgroup tree."""
    with open_probe(BYTES, "libbpf") as one:
        assert one.running
        with open_probe(BYTES, "libbpf") as other:
            assert (other.running, dict(other.off)) == (True, {})
            before = packets(one), packets(other)
            talk()
            assert packets(one) > before[0]
            assert packets(other) > before[1]
        before = packets(one), 0
        talk()
        assert packets(one) > before[0]


def talk() -> None:
    """One datagram to nobody, over the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        sender.sendto(b"?", sender.getsockname())


def test_once_loaded_no_right_is_needed_to_read() -> None:
    run = as_nobody(("bpf", "perfmon"), _DROPPED)
    assert run.stderr == ""
    first, second = run.stdout.splitlines()
    assert first == "counts"
    assert "CAP_BPF and CAP_PERFMON" in second, "the rights were really given up"


def packets(probe: Probe[Traffic]) -> int:
    return sum(counts.sent_packets for counts in probe.read().cgroups.values())
