"""Whose a cgroup is, for those who know it by its id alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container


def names_of(cgroups: Iterable[tuple[Cgroup, Container | None]]) -> dict[int, str]:
    """Cgroup id → whose it is: the title of the container that it is or is in, else its path."""
    cgroups = tuple(cgroups)
    titles = {cgroup.path: found.title for cgroup, found in cgroups if found is not None}
    names = {}
    for cgroup, _ in cgroups:
        above, title = cgroup.path, titles.get(cgroup.path, "")
        while above and not title:
            above = above.rpartition("/")[0]
            title = titles.get(above, "")
        names[cgroup.inode] = title or cgroup.path
    return names
