"""The JSON of `agent doctor`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from agent.doctor.facts import SCHEMA_VERSION, Check, HostFacts, Level


def document(facts: HostFacts, found: Sequence[Check]) -> str:
    """One object, without a newline. `fix` is null where nothing is to mend."""
    return orjson.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "kernel": facts.kernel,
            "cgroup": facts.cgroup,
            "containers": facts.containers,
            "ok": all(check.level is not Level.PROBLEM for check in found),
            "checks": [
                {"id": c.id, "level": c.level.value, "said": c.said, "fix": c.fix or None}
                for c in found
            ],
        }
    ).decode()
