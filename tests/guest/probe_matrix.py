"""Run in a guest: try every probe of the registry, by every loader asked for; one JSON line each.

    python3 -m tests.guest.probe_matrix libbpf bcc

{"probe":"tcp","loader":"libbpf","off":{"connects":"why"},"unavailable":""}
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

import orjson

from agent.bpf.loader import ProbeUnavailable, open_probe
from agent.bpf.probe import Kind
from agent.bpf.registry import KINDS


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


def attempt(kind: Kind[Any], loader: Literal["libbpf", "bcc"]) -> Tried:
    """Load, start, read and close one probe."""
    features = len(kind.programs.features)
    try:
        with open_probe(kind, loader) as probe:
            if kind.windowed:
                probe.start()
            probe.read()
            return Tried(kind.name, loader, features, dict(probe.off))
    except ProbeUnavailable as unavailable:
        return Tried(kind.name, loader, features, unavailable=unavailable.reason)
    except OSError as error:
        return Tried(kind.name, loader, features, unavailable=f"read: {error}")


def main(loaders: list[str]) -> None:
    """Try all."""
    for loader in loaders:
        for kind in KINDS:
            tried = attempt(kind, cast(Literal["libbpf", "bcc"], loader))
            sys.stdout.buffer.write(orjson.dumps(asdict(tried)) + b"\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
