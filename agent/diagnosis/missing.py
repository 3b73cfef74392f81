"""Why a check could not be made: from the reason a Usage gives for a field it does not know."""

from __future__ import annotations

from collections.abc import Iterable

from agent.diagnosis.finding import NotPossible, RuleId
from agent.usage import Unknown, Usage

_REMEDIES = {
    Unknown.DENIED: "run the agent as root, or with the capabilities of docs/deploy.md",
    Unknown.UNSUPPORTED: "see `agent doctor`: a controller is off, or this kernel or cgroup"
    " version has no such file",
    Unknown.DAMAGED: "the file held something unexpected: see `agent doctor`",
}


def not_possible(rule: RuleId, usage: Usage, fields: Iterable[str]) -> NotPossible | None:
    """
    The first of these fields that this host does not tell, as the reason the rule cannot run.

    None where none is: a rate without an earlier value, or a ratio without a limit, is no lack.
    """
    for field in fields:
        why = usage.unknown.get(field)
        if why in _REMEDIES:
            return NotPossible(rule, f"{field} is {why.value}", _REMEDIES[why])
    return None
