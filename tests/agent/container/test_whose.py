from __future__ import annotations

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container
from agent.container.whose import names_of

WEB = Container(runtime="docker", id="a" * 64, name="web")


def test_a_container_and_the_cgroups_in_it_are_called_by_its_title() -> None:
    cgroups = [
        (Cgroup(1, "/", 0.0), None),
        (Cgroup(2, "/docker/web", 0.0), WEB),
        (Cgroup(3, "/docker/web/init.scope", 0.0), None),
        (Cgroup(4, "/docker/web2", 0.0), None),
    ]
    assert names_of(cgroups) == {1: "/", 2: "web", 3: "web", 4: "/docker/web2"}


def test_a_container_without_a_title_is_called_by_its_path() -> None:
    nameless = Container(runtime="", id="")
    assert not nameless.title
    assert names_of([(Cgroup(2, "/x", 0.0), nameless)]) == {2: "/x"}
