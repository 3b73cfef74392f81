"""CRI-O as it is set up by default: its sandboxes have a cgroup and no process in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config import HostPaths
from agent.container.container import Kind
from agent.sampler import Sampler
from tests.host.cri import CriHost, Pod
from tests.host.cri_crio import CrioEngine
from tests.host.daemon import HostUnavailable, wait_until

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def host(host_directory: Path) -> Iterator[CriHost]:
    try:
        made = CriHost(host_directory, CrioEngine(host_directory, infra=False))
    except HostUnavailable as reason:
        pytest.skip(f"CRI-O: {reason}")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def pod(host: CriHost) -> Iterator[Pod]:
    made = host.run_pod("web", namespace="shop")
    try:
        yield made
    finally:
        host.remove(made)


def test_an_empty_sandbox_is_a_sandbox_and_a_container_answers_for_the_network(
    host: CriHost, pod: Pod
) -> None:
    assert pod.pid == 0
    app = host.start(pod, "app", ["/bin/sleep", "1000"], memory=64 << 20)
    host.network.ping(host.network.address(app.pid), 3)
    with Sampler(HostPaths()) as sampler:

        def told() -> dict[str, tuple[Kind, str, bool]]:
            return {
                sample.container.id: (
                    sample.container.kind,
                    sample.container.title,
                    sample.network is not None,
                )
                for sample in sampler.snapshot().samples
                if sample.container is not None and sample.container.pod_uid == pod.uid
            }

        # At the first look the container that says where the sandbox is may come after it.
        wait_until(lambda: told()[pod.id][0] is Kind.SANDBOX, 30, "the sandbox's bundle")
        assert told() == {
            "": (Kind.POD, "shop/web", False),
            pod.id: (Kind.SANDBOX, "shop/web", False),
            app.id: (Kind.CONTAINER, "shop/web/app", True),
        }
