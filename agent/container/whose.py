"""Whose a cgroup is, for those who know it by its id alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def names_of(cgroups: Iterable[tuple[int, str, str]]) -> dict[int, str]:
    """
    Whose each cgroup is, from (id, path, title of its container or ""): the container it is in, or
    its path.
    """
    cgroups = tuple(cgroups)
    titles = {path: title for _, path, title in cgroups if title}
    names = {}
    for number, path, title in cgroups:
        above = path
        while above and not title:
            above = above.rpartition("/")[0]
            title = titles.get(above, "")
        names[number] = title or path
    return names
