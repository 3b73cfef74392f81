"""[api] Whether another agent's command may read what this one knows."""

from __future__ import annotations

from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """[api] What `agent top --host` and `agent why --host` ask; docs/remote.md."""

    enabled: bool = False
    token_file: str = ""
    """A file with the token that is asked for (Authorization: Bearer), looked at anew each time.
    "" asks for none: then `[web] config_file` must have passwords or verify client certificates,
    or `metrics.listen` must be a loopback address."""
