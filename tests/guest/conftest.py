"""The guest's runtimes, started when a test first asks for them."""

from __future__ import annotations

import pytest

from tests.guest.inside import Runtime, start_docker


@pytest.fixture(scope="session")
def docker() -> Runtime:
    return start_docker()


@pytest.fixture(scope="session")
def podman() -> Runtime:
    return Runtime("podman")
