"""Network: packets its interfaces dropped, segments sent again, connections refused.

Docs     https://docs.kernel.org/networking/snmp_counter.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent.diagnosis.finding import Confidence, Evidence, Finding, NotPossible, Outcome, Severity
from agent.diagnosis.scene import Scene, Subject
from agent.model import Sample
from agent.units import human_percent

DROPS: Final = 10
"""Packets: fewer say nothing."""
DROPPED: Final = 0.001
"""Of all packets."""
RETRANSMITTED: Final = 0.02
"""Of all segments sent."""
SEGMENTS: Final = 200
"""Sent: of fewer no share is told."""


def net_drops(subject: Subject, _scene: Scene) -> Outcome:
    """Its network namespace lost something."""
    before, after = subject.first, subject.usage.sample
    if after.network_denied:
        return NotPossible(
            "net_drops", "/proc/PID/net may not be read", "give the agent CAP_SYS_PTRACE"
        )
    if before is after or after.network is None:
        return None
    found = [*_interfaces(before, after), *_tcp(before, after)]
    if not found:
        return None
    return Finding(
        rule="net_drops",
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        summary=found[0][0],
        evidence=tuple(evidence for _, evidence, _ in found),
        advice=tuple(advice for _, _, advice in found),
        weight=0.5,
    )


def _interfaces(before: Sample, after: Sample) -> Iterator[tuple[str, Evidence, str]]:
    then = {interface.interface: interface for interface in before.network or ()}
    for now in after.network or ():
        old = then.get(now.interface)
        if old is None or now.interface == "lo":
            continue
        dropped = (
            now.receive_drops + now.transmit_drops - old.receive_drops - old.transmit_drops
        ) + (now.receive_errors + now.transmit_errors - old.receive_errors - old.transmit_errors)
        packets = (
            now.receive_packets + now.transmit_packets - old.receive_packets - old.transmit_packets
        )
        if dropped > DROPS and dropped > DROPPED * packets:
            yield (
                f"{now.interface} dropped {dropped} packets",
                Evidence(
                    f"{now.interface}: {dropped} of {packets} packets dropped or damaged",
                    "/proc/PID/net/dev",
                ),
                "a queue is full: it reads too slowly, or gets more than its link carries",
            )


def _tcp(before: Sample, after: Sample) -> Iterator[tuple[str, Evidence, str]]:
    if before.network_stack is None or after.network_stack is None:
        return
    old, now = before.network_stack.tcp, after.network_stack.tcp
    if old is not None and now is not None:
        again = _rise(old.retrans_segs, now.retrans_segs)
        sent = _rise(old.out_segs, now.out_segs)
        if again and sent is not None and sent + again > SEGMENTS:
            share = again / (sent + again)
            if share > RETRANSMITTED:
                yield (
                    f"{human_percent(share)}% of segments sent again",
                    Evidence(
                        f"{again} of {sent + again} TCP segments were sent again",
                        "/proc/PID/net/snmp Tcp RetransSegs, OutSegs",
                    ),
                    "packets are lost on the way, or the peer is too slow",
                )
    old_ext, now_ext = before.network_stack.tcp_ext, after.network_stack.tcp_ext
    if old_ext is not None and now_ext is not None:
        refused = _rise(old_ext.listen_overflows, now_ext.listen_overflows)
        if refused:
            yield (
                f"{refused} connections refused: accept queue full",
                Evidence(
                    f"{refused} connections found the accept queue full",
                    "/proc/PID/net/netstat TcpExt ListenOverflows",
                ),
                "it accepts too slowly: more workers, or a larger backlog (listen(2), somaxconn)",
            )


def _rise(then: int | None, now: int | None) -> int | None:
    return None if then is None or now is None or now < then else now - then
