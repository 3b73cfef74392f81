"""TARGET and --filter on the command line: the same words and answers for every command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from agent.cli.exits import NOT_FOUND, USAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.container.target import Candidate, Target
    from agent.model import Snapshot
    from agent.selection.language import Selection

_NEAR: Final = 3
"""Names that are asked about."""
SYNTAX: Final = """\
targets:
  3f2a9c              start of an id
  web                 a name
  shop/api[/app]      Kubernetes namespace/pod[/container], or Compose project/service
  pid:1234            whichever container the process is in
  cgroup:/docker/...  a cgroup's path
"""


def parsed(command: str, text: str) -> Target:
    """Take a target apart; says what is wrong with it and exits where it is none."""
    from agent.container.target import BadTarget, parse_target

    try:
        return parse_target(text)
    except BadTarget as error:
        print(f"agent {command}: {error}", file=sys.stderr)
        raise SystemExit(USAGE) from None


def selection(command: str, text: str) -> Selection:
    """Take a --filter apart; says what is wrong with it and exits where it is none."""
    from agent.selection.language import BadSelection, parse_selection

    try:
        return parse_selection(text)
    except BadSelection as error:
        print(f"agent {command}: --filter: {error}", file=sys.stderr)
        raise SystemExit(USAGE) from None


def candidates(snapshot: Snapshot) -> list[Candidate]:
    """All containers, sandboxes and pods of a Snapshot."""
    from agent.container.target import Candidate

    return [
        Candidate(sample.cgroup, sample.container)
        for sample in snapshot.samples
        if sample.container is not None
    ]


def the_one(command: str, text: str, target: Target, snapshot: Snapshot, proc: str) -> Candidate:
    """
    The container that is meant; where there are none or several, says so and exits.

    `text`: as it was written. `proc`: see `agent.container.target.find`.
    """
    from agent.container.target import find

    found = find(target, candidates(snapshot), proc)
    if len(found) == 1:
        return found[0]
    print(explained(command, text, found, near(text, snapshot)), file=sys.stderr)
    unread = next((each for each in snapshot.health if each.source == "identity"), None)
    if not found and unread is not None and unread.failures:
        print(
            f"agent {command}: some names are not known, an id would do: {unread.message}",
            file=sys.stderr,
        )
    raise SystemExit(NOT_FOUND)


def near(text: str, snapshot: Snapshot) -> list[str]:
    """Names that begin so, else those that are nearly so: what may have been meant."""
    import difflib

    names = sorted({c.container.title for c in candidates(snapshot) if c.container.title})
    beginning = [name for name in names if text and name.startswith(text)]
    return (beginning or difflib.get_close_matches(text, names, cutoff=0.7))[:_NEAR]


def explained(command: str, text: str, found: list[Candidate], meant: Sequence[str] = ()) -> str:
    """Why a target is not one container. `meant`: see `near`."""
    if not found:
        hint = f"did you mean {' or '.join(meant)}?" if meant else "`agent ps` lists them"
        return f"agent {command}: no running container is {text!r}; {hint}"
    lines = [f"agent {command}: {text!r} may be any of {len(found)}:"]
    return "\n".join([*lines, *(f"  {candidate}" for candidate in found)])
