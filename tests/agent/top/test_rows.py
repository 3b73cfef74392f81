"""rows: which there are, in which order, and how groups are made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.cgroupfs.reading import CgroupReading
from agent.selection.item import Item
from agent.top.column import Column
from agent.top.columns import BY_KEY, COLUMNS
from agent.top.frame import Frame
from agent.top.grouping import GROUPINGS
from agent.top.row import Row
from agent.top.rows import arrange, rows_of, select, totals
from agent.top.steady import HELD, Steady
from agent.top.view import View
from agent.usage import usages
from tests.agent.selection.items import finding, item
from tests.agent.snapshots import docker, interface, pod, sample, snapshot
from tests.agent.top.scene import frame


def rows(*items: Item) -> list[Row]:
    return [Row(key=number, items=(one,), label=one.title) for number, one in enumerate(items)]


def labels(found: list[Row]) -> list[str]:
    return [row.label for row in found]


def seen(*items: Item) -> Frame:
    numbered = [
        replace(one, cgroup=one.cgroup._replace(inode=number)) if one.cgroup else one
        for number, one in enumerate(items)
    ]
    return replace(frame(), items=tuple(numbered))


def test_the_busiest_comes_first_and_equal_ones_by_name_both_ways() -> None:
    found = rows(item("b", cores=1), item("z", cores=2), item("a", cores=1))
    assert labels(arrange(found, BY_KEY["cpu"])) == ["z", "a", "b"]
    assert labels(arrange(found, BY_KEY["cpu"], reverse=True)) == ["a", "b", "z"]


def test_what_is_not_known_comes_last_both_ways() -> None:
    found = rows(item("blind", read=CgroupReading()), item("idle", cores=0), item("x", cores=1))
    assert labels(arrange(found, BY_KEY["cpu"])) == ["x", "idle", "blind"]
    assert labels(arrange(found, BY_KEY["cpu"], reverse=True)) == ["idle", "x", "blind"]


def test_names_go_from_a_to_z_until_reversed() -> None:
    found = rows(item("b"), item("a"))
    assert labels(arrange(found, BY_KEY["name"])) == ["a", "b"]
    assert labels(arrange(found, BY_KEY["name"], reverse=True)) == ["b", "a"]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.key)
def test_every_column_sorts_every_kind_of_row(column: Column) -> None:
    for group in ("", *GROUPINGS):
        found = rows_of(frame(), View(sort=column.key, everything=True, group=group))
        assert len([row for row in found if not row.is_group]) == len(frame().items)
        assert len({row.key for row in found}) == len(found)


def test_only_containers_are_listed_unless_everything_is_asked_for() -> None:
    items = frame().items
    kept = select(items, "", everything=False, faults=False)
    left_out = {one.title for one in items} - {one.title for one in kept}
    assert left_out == {"/", "system.slice/ssh.service", "checkout-7c9f"}
    assert select(items, "", everything=True, faults=False) == list(items)
    found = select(items, "search", everything=False, faults=False)
    assert [one.title for one in found] == ["search"]


def test_faults_alone_and_what_is_no_filter_yet_keeps_everything() -> None:
    items = (item("a", findings=(finding(),)), item("b"))
    assert select(items, "", everything=False, faults=True) == [items[0]]
    assert select(items, "cpu>", everything=False, faults=False) == list(items)


def test_network_sorts_by_the_sum_of_both_directions() -> None:
    def talking(name: str, receive: int, transmit: int) -> Item:
        (usage,) = usages(
            snapshot(sample(container=docker(name), network=(interface(),))),
            snapshot(
                sample(
                    container=docker(name),
                    at=1,
                    network=(interface("eth0", receive, transmit),),
                )
            ),
        )
        return Item(cgroup=usage.cgroup, container=usage.container, usage=usage)

    found = rows(talking("one-way", 100, 0), talking("both", 60, 60))
    assert labels(arrange(found, BY_KEY["net"])) == ["both", "one-way"]


def test_groups_are_sorted_by_their_sum_and_members_within() -> None:
    busy = seen(
        item("x", cores=0.9, container=docker("x", image="one")),
        item("y", cores=0.5, container=docker("y", image="two")),
        item("z", cores=0.6, container=docker("z", image="two")),
        item("w", cores=3.0, container=docker("w", image="")),
    )
    found = rows_of(busy, View(group="image", sort="cpu"))
    assert labels(found) == ["without an image", "w", "two", "z", "y", "one", "x"]
    folded = rows_of(busy, View(group="image", sort="cpu", collapsed=frozenset({"two"})))
    assert labels(folded) == ["without an image", "w", "two", "one", "x"]
    assert len(totals(found).items) == len(totals(folded).items) == 4


def test_a_pod_is_its_namespace_and_name() -> None:
    found = rows_of(
        seen(
            item("a", container=pod("shop", "api", "main")),
            item("b", container=pod("dev", "api", "main")),
        ),
        View(group="pod", sort="name"),
    )
    assert labels(found)[::2] == ["dev/api", "shop/api"]


def test_an_order_is_held_for_a_while_and_a_choice_takes_effect_at_once() -> None:
    steady = Steady()

    def order(at: float, choice: str, a: float, b: float) -> list[str]:
        steady.begin(at, choice)
        found = rows(item("a", cores=a), item("b", cores=b))
        return labels(arrange(found, BY_KEY["cpu"], steady=steady))

    assert order(0, "cpu", 2, 1) == ["a", "b"]
    assert order(1, "cpu", 1, 9) == ["a", "b"]
    assert order(1, "cpu", 1, 9) == ["a", "b"]
    assert order(HELD + 1, "cpu", 1, 9) == ["b", "a"]
    assert order(HELD + 1.1, "cpu", 9, 1) == ["b", "a"]
    assert order(HELD + 1.1, "mem", 9, 1) == ["a", "b"]


def test_a_single_spike_does_not_move_a_row() -> None:
    steady = Steady()
    orders = []
    for second in range(30):
        steady.begin(float(second), "cpu")
        spike = 1.5 if second == 10 else 0.1
        found = rows(item("steady", cores=1.0), item("spiky", cores=spike))
        orders.append(labels(arrange(found, BY_KEY["cpu"], steady=steady)))
    assert all(order == ["steady", "spiky"] for order in orders)
