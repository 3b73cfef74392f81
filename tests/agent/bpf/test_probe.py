"""What of a probe runs where the kernel refuses to attach some of its programs."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from agent.bpf import loaded
from agent.bpf.loaded import Loaded
from agent.bpf.probe import Kind, Probe
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading

PROGRAMS = ProbeSet(
    name="some",
    programs=(
        Program(name="on_one", feature="one", tracepoint="one"),
        Program(name="on_two", feature="two", tracepoint="two"),
    ),
    maps=(),
)
SOME = Kind(
    programs=PROGRAMS,
    counts=int,
    read=lambda _: Reading({}, 0),
    forget=lambda *_: None,
    windowed=True,
)


def probe(monkeypatch: pytest.MonkeyPatch, refuse: Callable[[str], int]) -> Probe[int]:
    """One whose programs the kernel refuses with an errno, or not: 0."""

    def attach(program: Program, _: int) -> tuple[int, ...]:
        if number := refuse(program.name):
            raise OSError(number, os.strerror(number))
        return (os.open(os.devnull, os.O_RDONLY),)

    monkeypatch.setattr(loaded, "attach", attach)
    programs = {each.name: os.open(os.devnull, os.O_RDONLY) for each in PROGRAMS.programs}
    return Probe(SOME, "libbpf", Loaded(programs=programs), cpus=1)


@pytest.mark.usefixtures("no_descriptor_left")
def test_a_window_goes_on_without_a_program_that_may_not_be_attached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with probe(monkeypatch, lambda name: errno.EACCES if name == "on_two" else 0) as some:
        assert some.off == {}
        assert some.maps.features == {"one", "two"}
        some.attach()
        assert some.running
        assert some.off == {"two": "attach to two: Permission denied"}
        assert some.maps.features == {"one"}
        some.detach()
        some.attach()
        assert some.running


@pytest.mark.usefixtures("no_descriptor_left")
@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOMEM])
def test_where_none_may_or_there_is_no_room_it_is_raised_and_nothing_given_up(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(name: str) -> int:
        return number if number == errno.EACCES or name == "on_two" else 0

    with probe(monkeypatch, refuse) as some:
        with pytest.raises(OSError, match=os.strerror(number)):
            some.attach()
        assert not some.running
        assert some.off == {}
