"""Run in a guest: try every probe of the registry, by every loader asked for; one JSON line each.

    python3 -m tests.guest.probe_matrix libbpf bcc:lifecycle,tcp

{"probe":"tcp","loader":"libbpf","off":{"connects":"why"},"unavailable":""}

After a colon: these probes alone. bcc has as long as it needs, since its compiler is emulated.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, cast

import orjson

from agent.bpf import bcc_loader
from agent.bpf.facts import Facts
from agent.bpf.loaded import Loaded
from agent.bpf.loader import Backend, ProbeUnavailable, open_probe
from agent.bpf.probe import Kind
from agent.bpf.probeset import LoaderName, ProbeSet
from agent.bpf.registry import KINDS
from agent.bpf.sweep import SweepTooSmall, open_sweep

_CGROUPS: Final = "/sys/fs/cgroup"
_COMPILE_SECONDS: Final = 1500.0


@dataclass(frozen=True, slots=True)
class Tried:
    """How one probe fared."""

    probe: str
    loader: str
    features: int
    off: dict[str, str] = field(default_factory=dict)
    """Feature -> why it does not count."""
    unavailable: str = ""
    """Why nothing of it runs."""


def attempt(kind: Kind[Any], by: LoaderName) -> Tried:
    """Load, start, read and close one probe."""
    features = len(kind.programs.features)
    backends: Mapping[LoaderName, Backend] | None = {"bcc": patiently} if by == "bcc" else None
    try:
        with open_probe(kind, by, backends=backends) as probe:
            if kind.windowed:
                probe.start()
            probe.read()
            return Tried(kind.name, by, features, dict(probe.off))
    except ProbeUnavailable as unavailable:
        return Tried(kind.name, by, features, unavailable=unavailable.reason)
    except OSError as error:
        return Tried(kind.name, by, features, unavailable=f"read: {error}")


def attempt_sweep() -> Tried:
    """The walk of all cgroups, which libbpf alone loads."""
    try:
        with open_sweep(100) as sweep:
            sweep.read(_CGROUPS)
    except ProbeUnavailable as unavailable:
        return Tried("sweep", "libbpf", 1, unavailable=unavailable.reason)
    except (OSError, SweepTooSmall) as error:
        return Tried("sweep", "libbpf", 1, unavailable=f"walk: {error}")
    return Tried("sweep", "libbpf", 1)


def patiently(
    probe: ProbeSet, facts: Facts, without: Collection[str], sizes: Mapping[str, int]
) -> Loaded:
    """bcc_loader.load, with time for an emulated compiler."""
    return bcc_loader.load(probe, facts, without=without, sizes=sizes, timeout=_COMPILE_SECONDS)


def main(words: list[str]) -> None:
    """Try all."""
    for word in words:
        by, _, chosen = word.partition(":")
        for kind in KINDS:
            if chosen and kind.name not in chosen.split(","):
                continue
            _tell(attempt(kind, cast(LoaderName, by)))
        if by == "libbpf":
            _tell(attempt_sweep())


def _tell(tried: Tried) -> None:
    sys.stdout.buffer.write(orjson.dumps(asdict(tried)) + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
