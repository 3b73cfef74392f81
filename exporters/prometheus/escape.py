"""How labels are written on the page; the same in both formats."""

from __future__ import annotations

import re
from typing import Final

from agent.exposition import escape_label
from exporters.prometheus.metric import Labels

LONGEST: Final = 1024
"""Characters of a label value. A longer one would be on every series of its container, and is cut:
it ends in "…"."""
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")


def format_labels(labels: Labels) -> str:
    """Write label pairs as they stand between the braces."""
    return ",".join(f'{name}="{escape_label(value)}"' for name, value in labels)


def shorten(value: str) -> str:
    """Cut a value that is too long to stand on every series."""
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"


def sanitise(name: str) -> str:
    """Make part of a label name of any text, as cAdvisor does."""
    return _NOT_IN_A_NAME.sub("_", name)
