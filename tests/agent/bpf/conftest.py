"""Skip a test where this machine may not run probes, with the agent's own reason."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from agent.bpf.facts import Facts, gather
from agent.bpf.lifecycle import LIFECYCLE
from agent.bpf.probeset import LOADERS, LoaderName
from agent.bpf.support import refuse_loader


@pytest.fixture(scope="session")
def facts() -> Facts:
    return gather(program.tracepoint for program in LIFECYCLE.programs.programs)


@pytest.fixture(params=LOADERS)
def loader(request: pytest.FixtureRequest, facts: Facts) -> LoaderName:
    """Each loader in turn, where it may load."""
    name: LoaderName = request.param
    need(facts, name)
    return name


@pytest.fixture
def libbpf_may_load(facts: Facts) -> None:
    need(facts, "libbpf")


@pytest.fixture
def bcc_may_load(facts: Facts) -> None:
    need(facts, "bcc")


@pytest.fixture
def no_descriptor_left() -> Iterator[None]:
    """The test must close what it opens."""
    before = open_descriptors()
    yield
    assert open_descriptors() == before


def open_descriptors() -> set[str]:
    own = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
    try:
        return {fd for fd in os.listdir(own) if int(fd) != own}
    finally:
        os.close(own)


def need(facts: Facts, loader: LoaderName) -> None:
    reason = refuse_loader(facts, loader)
    if reason:
        pytest.skip(f"{loader}: {reason}")
