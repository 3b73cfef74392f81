"""Pods, a real Prometheus, and what kubernetes-mixin asks it: an answer to all, nothing doubled."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from agent.kernelfile import read
from agent.procfs.net_dev import parse_net_dev
from tests.host.agent import RunningAgent, agent_run
from tests.host.cri import CriHost, Pod
from tests.host.daemon import HostUnavailable, wait_until
from tests.host.handle import ContainerHandle
from tests.host.known_queries import MIXIN_QUERIES, MIXIN_RULES, filled
from tests.host.prometheus import Prometheus, Result, need_prometheus, prometheus

pytestmark = [pytest.mark.host, pytest.mark.timeout(240)]

NAMESPACE = "mixin"
LIMIT = 0.2
"""Cores of the throttled container."""
# Writes reach a disk, so that there is something to count; the host's own is mounted in.
WORK = (
    "while :; do dd if=/dev/zero of=/data/f bs=64k count=4 conv=fsync 2>/dev/null; sleep 1; done &"
    " while :; do :; done"
)
SIDE = "x=0; while :; do x=$((x + 1)); [ $((x % 2000)) = 0 ] && sleep 0.2; done"


@dataclass(frozen=True, slots=True)
class Scene:
    """Two pods and one on the host's network, scraped."""

    host: CriHost
    web: Pod
    other: Pod
    app: ContainerHandle
    agent: RunningAgent
    server: Prometheus

    def variables(self, pod: Pod) -> dict[str, str]:
        return {
            "cluster": "test",
            "namespace": NAMESPACE,
            "pod": pod.name,
            "node": "node1",
            "__rate_interval": "20s",
        }


@contextmanager
def kube_state_metrics(pods: list[Pod]) -> Iterator[str]:
    """Serve the one metric of kube-state-metrics that the recording rules join with."""
    lines = ["# TYPE kube_pod_info gauge"]
    lines += [
        f'kube_pod_info{{namespace="{pod.namespace}",pod="{pod.name}",uid="{pod.uid}",'
        'node="node1"} 1'
        for pod in pods
    ]
    page = "".join(f"{line}\n" for line in lines).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def scene(any_cri_host: CriHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    try:
        need_prometheus()
    except HostUnavailable as reason:
        pytest.skip(str(reason))
    host = any_cri_host
    directory = tmp_path_factory.mktemp("mixin")
    with ExitStack() as stack:
        pods = []
        for name, how in (("web", {}), ("other", {"qos": "guaranteed"}), ("node-agent", {})):
            pod = host.run_pod(
                name,
                namespace=NAMESPACE,
                host_network=name == "node-agent",
                **how,  # type: ignore[arg-type]
            )
            stack.callback(host.remove, pod)
            pods.append(pod)
        web, other, hostnet = pods
        data = directory / "data"
        data.mkdir()
        app = host.start(
            web,
            "app",
            ["/bin/sh", "-c", WORK],
            memory=64 << 20,
            cpus=LIMIT,
            cpu_request=1,
            mounts={"/data": str(data)},
        )
        host.start(web, "side", ["/bin/sh", "-c", SIDE])
        for pod in (other, hostnet):
            host.start(pod, "app", ["/bin/sh", "-c", SIDE], cpus=0.5)
        for pod in (web, other):
            ping = host.network.pinging(
                host.network.address(pod.pid), directory / f"{pod.name}.log"
            )
            stack.callback(ping.stop)
        state = stack.enter_context(kube_state_metrics(pods))
        agent = stack.enter_context(agent_run(directory))
        server = stack.enter_context(
            prometheus(
                directory,
                {"cadvisor": agent.address, "kube-state-metrics": state},
                labels={"cluster": "test"},
                rules=MIXIN_RULES,
            )
        )
        scrapes = 'count_over_time(up{job="cadvisor"}[1m]) > 24'
        wait_until(lambda: server.query(scrapes) != [], 60, "25 scrapes")
        yield Scene(host, web, other, app, agent, server)


def test_every_query_returns_data_for_every_pod(scene: Scene) -> None:
    empty = [
        (pod.name, title)
        for pod in (scene.web, scene.other)
        for title, expression in MIXIN_QUERIES.items()
        if not scene.server.query(filled(expression, scene.variables(pod)))
        # Nothing was written by the other pod, so the kernel has no row of a disk for it.
        and not (pod is scene.other and ("fs_" in title or "IOPS" in title or "through" in title))
    ]
    assert empty == []


def test_every_recording_rule_has_a_row_for_each_container_and_sandbox(scene: Scene) -> None:
    for rule in MIXIN_RULES:
        rows = scene.server.query(f'{rule}{{namespace="{NAMESPACE}", pod="web"}}')
        containers = sorted(row["metric"].get("container", "") for row in rows)
        assert containers == ["", "app", "side"], rule


def test_the_cpu_of_a_pods_containers_adds_up_to_its_cgroups(scene: Scene) -> None:
    metric = f'container_cpu_usage_seconds_total{{namespace="{NAMESPACE}", pod="web"'
    containers = scene.server.number(f'sum({metric}, image!=""}})')
    cgroup = scene.server.number(f'{metric}, image="", id="{scene.web.cgroup}"}}')
    # The pod's cgroup is read after its members, in the same scrape; it was charged by `runc init`
    # too, before there was a container.
    assert cgroup == pytest.approx(containers, abs=0.5)
    assert cgroup > containers * 0.99


def test_the_recorded_cpu_of_a_throttled_container_is_its_counters_and_within_its_limit(
    scene: Scene,
) -> None:
    of_app = f'namespace="{NAMESPACE}", pod="web", container="app"'
    recorded = "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_rate5m"
    told = scene.server.number(f"{recorded}{{{of_app}}}")
    # The rule was evaluated up to a second before.
    counted = scene.server.number(f"rate(container_cpu_usage_seconds_total{{{of_app}}}[5m])")
    assert told == pytest.approx(counted, rel=0.15)
    # A rate over 5 minutes divides by all of them, and this is half a minute old.
    now = scene.server.number(f"rate(container_cpu_usage_seconds_total{{{of_app}}}[15s])")
    assert 0.02 < now < LIMIT * 1.1
    query = filled(MIXIN_QUERIES["CPUThrottlingHigh"], scene.variables(scene.web))
    throttled = scene.server.number(
        f"({query}) and on (namespace, pod, container)"
        f' container_last_seen{{namespace="{NAMESPACE}", pod="web", container="app"}}'
    )
    assert 0.3 < throttled <= 1


def test_the_memory_of_a_pods_containers_adds_up_to_its_cgroups(scene: Scene) -> None:
    metric = f'container_memory_working_set_bytes{{namespace="{NAMESPACE}", pod="web"'
    containers = scene.server.number(f'sum({metric}, image!=""}})')
    cgroup = scene.server.number(f'{metric}, image="", id="{scene.web.cgroup}"}}')
    assert cgroup == pytest.approx(containers, rel=0.1, abs=2 << 20)
    by_pod = filled(MIXIN_QUERIES["working_set_bytes by pod"], scene.variables(scene.web))
    # Panels leave the sandbox out.
    assert 0 < scene.server.numbers(by_pod, "pod")["web"] < containers


def test_the_traffic_of_a_pod_is_its_interfaces_and_told_once(scene: Scene) -> None:
    sent = 'container_network_transmit_packets_total{namespace="mixin", pod="web"}'
    (row,) = scene.server.query(sent)
    assert row["metric"]["interface"] == "eth0"
    before = _packets(scene.web)

    def told() -> float:
        page = scene.agent.page()
        metric = "container_network_transmit_packets_total"
        ((labels, packets),) = page.series(metric, namespace=NAMESPACE, pod="web")
        assert labels["container"] == ""
        return packets

    # Of two scrapes within a second the second is told what the first was.
    wait_until(lambda: told() >= before, 5, "a scrape after our own look")
    assert told() <= _packets(scene.web)
    assert before > 20


def test_a_pod_on_the_hosts_network_has_none_and_is_not_in_the_sum(scene: Scene) -> None:
    told = scene.server.numbers(
        f'count by (pod) (container_network_receive_bytes_total{{namespace="{NAMESPACE}"}})', "pod"
    )
    assert told == {"web": 1, "other": 1}


def test_nothing_but_containers_and_sandboxes_has_an_image(scene: Scene) -> None:
    rows = scene.server.query(
        f'container_memory_working_set_bytes{{id=~"{scene.host.cgroup}.*", image!=""}}'
    )
    ids = {row["metric"]["id"] for row in rows}
    assert {id_.rpartition("/")[0] for id_ in ids} >= {scene.web.cgroup, scene.other.cgroup}
    assert all(id_.rpartition("/")[2] == name for id_, name in _names(rows))


def _names(rows: Result) -> list[tuple[str, str]]:
    return [(row["metric"]["id"], row["metric"]["name"]) for row in rows]


def _packets(pod: Pod) -> int:
    (eth0,) = [
        link
        for link in read(f"/proc/{pod.pid}/net/dev", parse_net_dev) or ()
        if link.interface == "eth0"
    ]
    return eth0.transmit_packets
