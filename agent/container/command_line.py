"""Options on the command line of a runtime's process. Pure.

    ["dockerd", "--data-root=/srv/docker"]      --data-root: "/srv/docker"
    ["conmon", "-c", "9ef3…", "-n", "web"]      -n: "web"

Nothing is known of options that take no value, so a word after one of those counts as its value.
"""

from __future__ import annotations

from collections.abc import Sequence


def option_values(argv: Sequence[str], *names: str) -> list[str]:
    """Every value of the options `names`, written "-x value", "--xx value" or "--xx=value"."""
    values = []
    for index, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name not in names:
            continue
        if equals:
            values.append(value)
        elif index + 1 < len(argv):
            values.append(argv[index + 1])
    return values


def option_value(argv: Sequence[str], *names: str) -> str:
    """The first of them; "" where there is none."""
    return next(iter(option_values(argv, *names)), "")
