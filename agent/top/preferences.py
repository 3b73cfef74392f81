"""What a person chose for the screen, kept from one time to the next: a small file of theirs.

    $XDG_CONFIG_HOME/agent/top.toml, else ~/.config/agent/top.toml

    columns = ["name", "cpu", "mem", "why"]
    sort = "cpu"
    reverse = false
    group = "pod"

Options of the command line win. What the file has and this version does not know is left out, and
said; a file that cannot be read is said and not used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.faults import told
from agent.records import replace
from agent.selection.fields import NoSuchField
from agent.top.columns import find_column
from agent.top.grouping import CYCLE
from agent.top.view import View

_NAMES = ("columns", "sort", "reverse", "group")


def path(environment: Mapping[str, str]) -> str:
    """Where the file is, or would be."""
    home = environment.get("XDG_CONFIG_HOME") or os.path.join(
        environment.get("HOME", "/"), ".config"
    )
    return os.path.join(home, "agent", "top.toml")


def read(file: str, view: View) -> tuple[View, tuple[str, ...]]:
    """`view` with what the file chooses; what of it was not understood. Without a file `view`."""
    try:
        text = Path(file).read_text("utf-8")
    except FileNotFoundError:
        return view, ()
    except (OSError, UnicodeDecodeError) as error:
        return view, (f"{file}: {told(error)}",)
    import tomllib  # 4 ms before the first frame

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return view, (f"{file}: {error}",)
    return _chosen(found, view, file)


def write(file: str, view: View) -> None:
    """Keep what `view` chooses. Raises OSError."""
    os.makedirs(os.path.dirname(file), exist_ok=True)
    columns = ", ".join(f'"{key}"' for key in view.columns)
    text = (
        "# Written by W in agent top.\n"
        f"columns = [{columns}]\n"
        f'sort = "{view.sort}"\n'
        f"reverse = {str(view.reverse).lower()}\n"
        f'group = "{view.group}"\n'
    )
    fresh = f"{file}.new"
    with open(fresh, "w", encoding="utf-8") as opened:
        opened.write(text)
    Path(fresh).replace(file)


def _chosen(found: Mapping[str, object], view: View, file: str) -> tuple[View, tuple[str, ...]]:
    takers: dict[str, Callable[[View, object], View]] = {
        "columns": _columns,
        "sort": lambda view, value: replace(view, sort=_known(value)),
        "reverse": _reverse,
        "group": _group,
    }
    wrong = []
    for name, value in found.items():
        take = takers.get(name)
        try:
            if take is None:
                raise ValueError(f"there are {', '.join(_NAMES)}")
            view = take(view, value)
        except (ValueError, NoSuchField) as error:
            wrong.append(f"{file}: {name} = {value!r}: {error}")
    return view, tuple(wrong)


def _known(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be the name of a column")
    return find_column(value).sort


def _columns(view: View, value: object) -> View:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of names")
    keys = [find_column(str(each)).key for each in value]
    return replace(view, columns=tuple(dict.fromkeys(("name", *keys))))


def _reverse(view: View, value: object) -> View:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return replace(view, reverse=value)


def _group(view: View, value: object) -> View:
    if value not in CYCLE:
        raise ValueError(f"must be one of {', '.join(CYCLE[1:])}")
    return replace(view, group=str(value))
