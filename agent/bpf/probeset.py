"""What a probe is made of: the nouns which facts, decisions and both loaders share.

A probe is one set of BPF programs with one purpose. It is there twice, with the same program and
map names: as a CO-RE object for libbpf and as source for bcc.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final, Literal

LoaderName = Literal["libbpf", "bcc"]
LOADERS: Final[tuple[LoaderName, ...]] = ("libbpf", "bcc")
"""In the order they are tried: libbpf costs 0.03 s of CPU, bcc 2 s and a compiler's memory."""

DIRECTORY: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One BPF function, at one tracepoint, for one feature."""

    name: str
    """The C function, in both sources."""
    feature: str
    """What is missing when it does not run: "exec"."""
    tracepoint: str
    first_argument: str = ""
    """For bcc: the tracepoint must pass this C type first, "struct task_struct *"; "" for any.
    libbpf does not need it: the verifier checks the types of a tp_btf program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSet:
    """A probe, before it is loaded."""

    name: str
    """Of its files: probes/NAME.bpf.o and probes/NAME.bcc.c."""
    programs: tuple[Program, ...]
    maps: tuple[str, ...]
    optional_fields: tuple[tuple[str, str], ...] = ()
    """(struct, field) not in every kernel: bcc's source asks HAS_<STRUCT>_<FIELD>. The CO-RE source
    asks libbpf instead."""

    @property
    def object_path(self) -> str:
        """The CO-RE object."""
        return os.path.join(DIRECTORY, f"{self.name}.bpf.o")

    @property
    def source_path(self) -> str:
        """The source for bcc."""
        return os.path.join(DIRECTORY, f"{self.name}.bcc.c")
