"""What a BPF probe's open window adds to the events it counts, in one run.

    python -m tests.bench.bpf_windows [--passes 9] [--json]

Each round is without, with and without a probe; the median of the differences counts. "empty" is
a program of two instructions at the same tracepoint: what the kernel itself takes for having one
there, which depends on the CPU's mitigations. A probe of windows is open `probes.window` of each
`probes.period` seconds, so what it adds over time, the last column, is that part; io_times is open
while `agent trace --io` looks at this very process. bpf_workloads.py says what the workloads do.

Targets: the counting window at most 25 ns a system call above an empty program; all that runs by
default, windows included, at most 1.02 of the time of a system call and 1.05 of a switch.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.bpf import registry, syscall
from agent.bpf.faults import FAULTS
from agent.bpf.io_times import IO_TIMES, aim
from agent.bpf.loader import open_probe
from agent.bpf.page_cache import PAGE_CACHE
from agent.bpf.probe import Kind
from agent.bpf.rtt import RTT
from agent.bpf.sched import SCHED
from agent.bpf.syscalls import SYSCALL_TIMES, SYSCALLS
from agent.config import ProbesConfig
from tests.agent.bpf.test_always_on import blkio_id
from tests.bench.bpf_workloads import commands_in, run

TARGETS = {"syscall": 1.02, "switch": 1.05}
COUNTING_NS = 25.0
_PROG_LOAD, _RAW_TRACEPOINT = 5, 17
_RETURN_0 = struct.pack("=BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Added:
    """What a round takes, in nanoseconds of CPU."""

    workload: str
    probe: str
    without: float
    added: float

    @property
    def ratio(self) -> float:
        """Of the time with it to the time without."""
        return 1 + self.added / self.without


@contextmanager
def empty() -> Iterator[None]:
    """A program that does nothing, at sys_exit."""
    code = ctypes.create_string_buffer(_RETURN_0, len(_RETURN_0))
    words = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack(
        "=2I2Q48x", _RAW_TRACEPOINT, 2, ctypes.addressof(code), ctypes.addressof(words)
    )
    program = syscall._bpf(_PROG_LOAD, attributes, (code, words))
    link = syscall.attach_raw_tracepoint(program, "sys_exit")
    try:
        yield
    finally:
        os.close(link)
        os.close(program)


@contextmanager
def attached(*kinds: Kind[Any]) -> Iterator[None]:
    """These probes, counting."""
    with ExitStack() as opened:
        for kind in kinds:
            opened.enter_context(open_probe(kind, "libbpf")).attach()
        yield


@contextmanager
def aimed() -> Iterator[None]:
    """io_times, counting what this process and its children read."""
    with open_probe(IO_TIMES, "libbpf") as probe:
        aim(probe.maps, [blkio_id(os.getpid())])
        probe.attach()
        yield


def compare(
    command: Sequence[str], workload: str, name: str, probe: Callable[[], Any], passes: int
) -> Added:
    """Take turns: without, with, without, and the mean of two against what is between them."""
    without, difference = [], []
    for _ in range(passes):
        took = []
        for count in (False, True, False):
            with probe():  # each time: a disk is the faster for a rest
                if count:
                    took.append(run(command))
            if not count:
                took.append(run(command))
        without.append((took[0] + took[2]) / 2)
        difference.append(took[1] - without[-1])
    return Added(workload, name, statistics.median(without), statistics.median(difference))


def measure(passes: int) -> list[Added]:
    """Everything."""
    always = [kind for kind in registry.select() if not kind.windowed]
    # Not /tmp, which is often memory: direct reads need a device.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        commands = commands_in(Path(directory))
        return [
            compare(commands[workload], workload, name, probe, passes)
            for workload, name, probe in (
                ("syscall", "empty", empty),
                ("syscall", "syscalls", lambda: attached(SYSCALLS)),
                ("syscall", "syscall_times", lambda: attached(SYSCALL_TIMES)),
                ("syscall", "always", lambda: attached(*always)),
                ("switch", "sched", lambda: attached(SCHED)),
                ("switch", "syscalls", lambda: attached(SYSCALLS)),
                ("switch", "always", lambda: attached(*always)),
                ("segment", "rtt", lambda: attached(RTT)),
                ("fault", "faults", lambda: attached(FAULTS)),
                ("reread", "page_cache", lambda: attached(PAGE_CACHE)),
                ("read", "io_times", aimed),
            )
        ]


def main() -> int:
    """Print; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = measure(arguments.passes)
    settings = ProbesConfig()
    part = settings.window / settings.period
    if arguments.json:
        print(json.dumps([asdict(each) | {"ratio": each.ratio} for each in results]))
    else:
        for each in results:
            print(
                f"{each.workload:8} {each.probe:14} {each.without:9.1f} ns"
                f" {each.added:+9.1f} ns  {each.ratio:.3f}"
                f"  {1 + part * (each.ratio - 1):.4f}"
            )
    found = {(each.workload, each.probe): each for each in results}
    whole = found["syscall", "syscalls"].added
    counting = whole - found["syscall", "empty"].added
    missed = counting > COUNTING_NS
    print(
        f"counting a system call: {whole:+.1f} ns against no program, {counting:+.1f} ns against an"
        " empty one",
        file=sys.stderr,
    )
    for workload, windows in (("syscall", ("syscalls",)), ("switch", ("syscalls", "sched"))):
        ratio = found[workload, "always"].ratio
        ratio += sum(part * (found[workload, name].ratio - 1) for name in windows)
        missed |= ratio > TARGETS[workload]
        print(f"all by default, windows included, {workload}: {ratio:.3f}", file=sys.stderr)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
