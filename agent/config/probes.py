"""[probes] Which BPF programs run, and what they may cost."""

from __future__ import annotations

from typing import Literal

from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class ProbesConfig:
    """[probes] BPF programs that count what no file says; docs/probes.md lists them."""

    enabled: bool = True
    """Whether any runs."""
    loader: Literal["auto", "libbpf", "bcc"] = "auto"
    """How they are loaded; auto takes bcc only where libbpf can run no program of a probe."""
    on: tuple[str, ...] = ()
    """Probes beside those that run by default."""
    off: tuple[str, ...] = ()
    """Probes that do not run."""
    directory: str = ""
    """"/etc/container-agent/probes.d": probes of one's own, NAME.toml and NAME.c, loaded by bcc;
    see docs/probes.md. Whoever may write there runs code in the kernel. "" has none."""
    sweep: bool = True
    """Read usage, limits and pressure of all cgroups by one walk in the kernel instead of some
    fifteen files each, where that can be."""
    period: float = 60.0
    """Seconds from one window of a high-rate probe to its next, and between two measurements."""
    window: float = 1.5
    """Seconds a window is open. 0: none is opened, and `agent trace` alone uses such probes."""
    budget: float = 0.01
    """CPU seconds a second, of one core, that all probes together may take: the costliest is
    stopped first, and tried again later."""

    def __post_init__(self) -> None:
        if not 1 <= self.period <= 86400:
            raise ValueError(f"period = {self.period}: must be between 1 and 86400 seconds")
        if not 0 <= self.window <= self.period / 4:
            raise ValueError(f"window = {self.window}: must be at most a quarter of the period")
        if not 0 <= self.budget <= 1:
            raise ValueError(f"budget = {self.budget}: must be between 0 and 1 core")
