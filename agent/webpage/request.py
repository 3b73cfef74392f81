"""What a person asked the page for, taken from the URL. Pure.

/?sort=cpu&reverse=1&filter=web&all=1     the table
/?container=4711&range=6h                 one container, by its cgroup's inode, and over how long

What is not understood has its default: a link from an older page still shows something.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from agent.records import dataclass, replace

DEFAULT_SORT = "trouble"
LENGTHS = ("1m", "1h", "6h", "24h")
"""How far back charts reach: the minute that is in memory, or the history."""


@dataclass(frozen=True, slots=True)
class View:
    """One person's view."""

    sort: str = DEFAULT_SORT
    reverse: bool = False
    filter: str = ""
    everything: bool = False
    """Also sandboxes, pods and what no runtime made."""
    container: int | None = None
    """The inode of the cgroup that is looked at closely."""
    range: str = ""
    """How far back its charts reach: one of `LENGTHS`; "": as far as is usual."""
    part: bool = False
    """Only what changes from second to second: the page asks so for itself."""

    def link(self, **changes: object) -> str:
        """The URL of this view with changes."""
        view = replace(self, part=False, **changes)  # type: ignore[arg-type]
        query = {
            "sort": "" if view.sort == DEFAULT_SORT else view.sort,
            "reverse": "1" if view.reverse else "",
            "filter": view.filter,
            "all": "1" if view.everything else "",
            "container": "" if view.container is None else str(view.container),
            "range": "" if view.container is None else view.range,
        }
        text = urlencode({key: value for key, value in query.items() if value})
        return f"/?{text}" if text else "/"


def parse_view(query: str) -> View:
    """The view a query string asks for."""
    try:
        given = dict(parse_qsl(query, max_num_fields=20))
    except ValueError:
        return View()
    number = given.get("container", "")
    return View(
        sort=given.get("sort", DEFAULT_SORT)[:40],
        reverse=given.get("reverse") == "1",
        filter=given.get("filter", "")[:500],
        everything=given.get("all") == "1",
        container=int(number) if number.isascii() and number.isdecimal() else None,
        range=given["range"] if given.get("range") in LENGTHS else "",
        part=given.get("part") == "1",
    )
