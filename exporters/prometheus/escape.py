"""How names and texts are written on the page; the same in both formats, but for HELP."""

from __future__ import annotations

import re
from typing import Final

from agent.encodable import encodable
from exporters.prometheus.metric import Labels

LONGEST: Final = 1024
"""Characters of a label value. A longer one would be on every series of its container, and is cut:
it ends in "…"."""
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")


def format_labels(labels: Labels) -> str:
    """Write label pairs as they stand between the braces."""
    return ",".join(f'{name}="{escape_label(value)}"' for name, value in labels)


def escape_label(value: str) -> str:
    """Escape a label value: backslash, double quote and newline."""
    value = encodable(value)
    if '"' in value or "\\" in value or "\n" in value:
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return value


def shorten(value: str) -> str:
    """Cut a value that is too long to stand on every series."""
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"


def sanitise(name: str) -> str:
    """Make part of a label name of any text, as cAdvisor does."""
    return _NOT_IN_A_NAME.sub("_", name)
