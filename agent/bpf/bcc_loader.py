"""Load a probe through bcc in a child process, and attach it here. bcc is never imported here.

The child (bcc_child.py) compiles, loads and sends program and map descriptors over a socket pair by
SCM_RIGHTS; its memory goes with it. This process attaches the programs (`Loaded`), so they live as
long as this process and not a moment longer.

The compiler's files are in a temporary directory, which is removed whatever happens. A child that
hangs is killed with everything it started.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from typing import IO, Final

import orjson

from agent.bpf.cpus import cpu_ids
from agent.bpf.facts import Facts
from agent.bpf.loaded import Loaded, LoadFailed, close_all
from agent.bpf.probeset import ProbeSet

CHILD: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bcc_child.py")
DISTRIBUTION_PYTHON: Final = "/usr/bin/python3"
"""bcc is the distribution's package, made for the distribution's Python."""
TIMEOUT: Final = 90.0
"""Seconds for everything: 3 on two busy cores."""

_ANSWER_BYTES: Final = 65536
_MOST_FDS: Final = 253  # SCM_MAX_FD
_QUOTED_BYTES: Final = 2000


def load(
    probe: ProbeSet,
    facts: Facts,
    *,
    without: Collection[str] = (),
    sizes: Mapping[str, int] | None = None,
    child: str = CHILD,
    timeout: float = TIMEOUT,
) -> Loaded:
    """
    Load every program of `probe` but those named in `without`.

    Programs that cannot run are in `Loaded.off` with the reason. Raise LoadFailed where none can.
    `facts` must name bcc and bpftool. `sizes`: map -> its entries.
    `timeout` is in seconds.
    """
    if facts.bcc is None or facts.bpftool is None:
        raise LoadFailed("bcc: bcc or bpftool is not installed")
    with tempfile.TemporaryDirectory(prefix="container-agent-bcc-") as scratch:
        plan = {
            "bcc": facts.bcc.directory,
            "bpftool": facts.bpftool,
            "scratch": scratch,
            "source": probe.source_path,
            "programs": [
                {
                    "name": each.name,
                    "kind": each.kind,
                    "tracepoint": each.tracepoint,
                    "first_argument": each.first_argument,
                }
                for each in probe.programs
                if each.name not in without
            ],
            "sizes": dict(probe.sizes(0, cpu_ids()) if sizes is None else sizes),
            "maps": probe.maps,
        }
        answer, fds = _run(child, orjson.dumps(plan).decode(), timeout)
    return _take(probe, answer, fds)


def _run(child: str, plan: str, timeout: float) -> tuple[bytes, list[int]]:
    """Run the child to its end. Return its message and the descriptors that came with it."""
    deadline = time.monotonic() + timeout
    python = DISTRIBUTION_PYTHON if os.path.exists(DISTRIBUTION_PYTHON) else sys.executable
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # A file and not a pipe: nobody reads while the child writes its compiler's errors.
    with ours, tempfile.TemporaryFile() as said:
        with theirs:
            process = subprocess.Popen(
                [python, "-I", child, str(theirs.fileno()), plan],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,  # so that killing its group takes bpftool along
            )
        fds: list[int] = []
        try:
            ours.settimeout(timeout)
            answer, fds, flags, _ = socket.recv_fds(ours, _ANSWER_BYTES, _MOST_FDS)
            if flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC):
                raise LoadFailed("bcc: the child's answer was cut off")
            code = process.wait(max(deadline - time.monotonic(), 1.0))
        except (TimeoutError, subprocess.TimeoutExpired):
            close_all(fds)
            raise LoadFailed(
                f"bcc: the child was not done after {timeout:g} s{_quote(said)}"
            ) from None
        except BaseException:  # whatever ends it: nothing stays open, and it is raised on
            close_all(fds)
            raise
        finally:
            _end(process)
        if code or not answer:
            close_all(fds)
            raise LoadFailed(f"bcc: the child ended with code {code}{_quote(said)}")
        return answer, fds


def _take(probe: ProbeSet, answer: bytes, fds: list[int]) -> Loaded:
    """What the child's answer says its descriptors are."""
    try:
        try:
            names = orjson.loads(answer)
            programs, maps, off = list(names["programs"]), list(names["maps"]), dict(names["off"])
        except (ValueError, KeyError, TypeError):
            raise LoadFailed(f"bcc: the child's answer is not understood: {answer!r}") from None
        if len(programs) + len(maps) != len(fds) or maps != list(probe.maps):
            raise LoadFailed(f"bcc: the child sent {len(fds)} descriptors for {answer!r}")
        if not programs:
            reasons = "; ".join(f"{name}: {why}" for name, why in off.items())
            raise LoadFailed(f"bcc: no program runs: {reasons}", off)
    except BaseException:  # whatever ends it: nothing stays open, and it is raised on
        close_all(fds)
        raise
    return Loaded(
        programs=dict(zip(programs, fds, strict=False)),
        maps=dict(zip(maps, fds[len(programs) :], strict=True)),
        off=off,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave neither the child nor what it started."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # It ended in between.
    process.wait()


def _quote(said: IO[bytes]) -> str:
    """The end of the child's stderr, for the message."""
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - _QUOTED_BYTES))
    text = " | ".join(
        line.strip() for line in said.read().decode("utf-8", "replace").splitlines() if line.strip()
    )
    return f"; it said: {text}" if text else " and said nothing"
