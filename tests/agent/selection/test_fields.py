"""The fields: of one, and of several together."""

from __future__ import annotations

import pytest

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container, Requests
from agent.kernelfile import UNLIMITED
from agent.selection.field import Unit
from agent.selection.fields import FIELDS, NoSuchField, find_field
from agent.selection.item import Item, Value
from agent.selection.quantity import parse_quantity
from agent.usage import Unknown
from tests.agent.selection.items import finding, item
from tests.agent.snapshots import MIB, docker

TWO = CpuMax(200_000, 100_000)


def value(name: str, *items: Item) -> Value:
    field = find_field(name)
    if len(items) == 1:
        return field.read(items[0])
    assert field.total is not None
    return field.total(items)


def test_every_name_is_there_once() -> None:
    names = [name for field in FIELDS for name in (field.name, *field.also)]
    assert len(names) == len(set(names))


def test_shares_have_their_base() -> None:
    one = item(
        cores=1.0,
        cpu_max=TWO,
        memory=512 * MIB,
        memory_max=1024 * MIB,
        container=Container(runtime="containerd", id="a", requests=Requests(0.5, 256 * MIB)),
    )
    assert value("cpu.of_limit", one) == 0.5
    assert value("cpu.of_request", one) == 2.0
    assert value("cpu.of_host", one) == pytest.approx(1 / 16)
    assert value("mem.of_limit", one) == 0.5
    assert value("mem.of_request", one) == 2.0
    assert value("mem.of_host", one) == pytest.approx(512 / 65_536)


def test_nothing_asked_for_is_no_request_and_not_asking_is_not_told() -> None:
    asks_nothing = Container(runtime="containerd", id="a", requests=Requests())
    assert value("cpu.of_request", item(container=asks_nothing)) is UNLIMITED
    assert value("cpu.of_request", item()) is Unknown.UNSUPPORTED


def test_several_are_summed_and_their_share_is_of_the_sum_of_limits() -> None:
    a = item("a", cores=1.0, cpu_max=TWO, memory=10 * MIB)
    b = item("b", cores=0.5, cpu_max=TWO, memory=20 * MIB)
    assert value("cpu", a, b) == pytest.approx(1.5)
    assert value("cpu.of_limit", a, b) == pytest.approx(1.5 / 4)
    assert value("mem", a, b) == 30 * MIB
    assert value("mem.of_limit", a, b) is UNLIMITED
    assert value("cpu.of_host", a, b) == pytest.approx(1.5 / 16)


def test_one_without_a_limit_leaves_the_group_without_one() -> None:
    assert value("cpu.of_limit", item(cpu_max=TWO), item()) is UNLIMITED


def test_what_one_of_several_does_not_tell_is_left_out_and_of_none_it_is_said_why() -> None:
    denied = item(read=CgroupReading(denied=("memory_current",)))
    assert value("mem", denied, item(memory=7)) == 7
    assert value("mem", denied, denied) is Unknown.DENIED


def test_text_of_several_is_theirs_where_they_agree() -> None:
    assert value("image", item("a"), item("b")) == "demo:1"
    assert value("image", item("a"), item(container=docker("c", image="other"))) == ""


def test_of_what_has_ended_nothing_is_measured() -> None:
    gone = Item(cgroup=None, container=None, usage=None, ended="job", findings=(finding(),))
    assert value("name", gone) == "job"
    assert value("state", gone) == "down"
    for field in FIELDS:
        if field.unit not in (Unit.TEXT, Unit.SCORE, Unit.SEVERITY):
            assert isinstance(field.read(gone), Unknown), field.name


def test_a_name_that_is_wrong_names_the_near_one() -> None:
    with pytest.raises(NoSuchField, match=r"did you mean cpu\.limit\?"):
        find_field("cpu.limt")


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("1.5", Unit.CORES, 1.5),
        ("500m", Unit.CORES, 0.5),
        ("5k", Unit.CORES, None),
        ("1.5G", Unit.BYTES, 1.5 * 1024**3),
        ("2GiB", Unit.BYTES, 2 * 1024**3),
        ("2MB", Unit.RATE, 2 * 1024**2),
        ("90", Unit.RATIO, 0.9),
        ("90%", Unit.RATIO, 0.9),
        ("90k", Unit.RATIO, None),
        ("1h30m", Unit.SECONDS, 5400),
        ("90", Unit.SECONDS, 90),
        ("1k", Unit.COUNT, 1000),
        ("warning", Unit.SEVERITY, 2),
        ("", Unit.COUNT, None),
        ("-1", Unit.COUNT, None),
        ("1e3", Unit.COUNT, None),
        ("nan", Unit.SCORE, None),
    ],
)
def test_quantities(text: str, unit: Unit, number: float | None) -> None:
    assert parse_quantity(text, unit) == number
