"""What real containers are told to be: `agent metrics` and `agent inspect` against Docker, Podman
and containerd."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.host.agent import Page, agent_run, command, page_once
from tests.host.containerd import ContainerdHost
from tests.host.cri import CriHost
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost
from tests.host.handle import ContainerHandle, ContainerHost
from tests.host.podman import PodmanHost

pytestmark = pytest.mark.host

IDLE = ("/bin/sh", "-c", "sleep 1000")
NO_PROBES = "probes.enabled=false"

VARIANTS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "caps": ("--cap-add", "NET_ADMIN", "--cap-drop", "NET_RAW"),
    "user": ("--user", "1000"),
    "readonly": ("--read-only", "--cap-drop", "ALL"),
    "seccomp": ("--security-opt", "seccomp=unconfined"),
    "nonew": ("--security-opt", "no-new-privileges"),
    "hostpid": ("--pid", "host"),
    "hostnet": (),
    "hostipc": ("--ipc", "host", "--uts", "host"),
    "run": ("-v", "/var/run:/x"),
    "etc": ("-v", "/etc:/host-etc:ro"),
    "limited": ("--memory", "64m", "--cpus", "0.5", "--pids-limit", "50"),
    "unmasked": ("--security-opt", "systempaths=unconfined"),
    "volume": ("-v", "/data"),
    "device": ("--device", "/dev/null:/dev/mine"),
    "secret": ("-e", "TOKEN=hunter2"),
    "shared": (),
    "checked": ("--health-cmd", "true", "--health-interval", "1h"),
    "always": ("--restart", "always"),
    "thrice": ("--restart", "on-failure:3"),
}
"""Docker's options by the name of the container that has them, beside --network none."""


@pytest.fixture(scope="module")
def variants(docker_host: DockerHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    started = []
    try:
        for name, options in (*VARIANTS.items(), ("socket", ())):
            if name == "socket":
                options = ("-v", f"{docker_host.socket}:/docker.sock")
            if name == "shared":
                options = ("-v", f"{tmp_path_factory.mktemp('shared')}:/shared:ro")
            network = "host" if name == "hostnet" else "none"
            docker_host.run(f"sec-{name}", IDLE, network=network, options=options)  # type: ignore[arg-type]
            started.append(f"sec-{name}")
        yield
    finally:
        for name in started:
            docker_host.remove(name)


@pytest.fixture(scope="module")
def page(variants: None) -> Page:
    return page_once(NO_PROBES)


def failing(page: Page, name: str) -> set[str]:
    return {
        labels["check"] for labels, _ in page.series("container_security_check", name=f"sec-{name}")
    }


def against_plain(page: Page, name: str) -> tuple[set[str], set[str]]:
    """What fails beyond the plain container, and what does not fail any more."""
    plain, other = failing(page, "plain"), failing(page, name)
    return other - plain, plain - other


def test_a_plain_container_fails_what_dockers_defaults_leave_open(page: Page) -> None:
    found = failing(page, "plain")
    assert {
        *("net_raw", "capabilities_not_dropped", "privilege_escalation", "root_user"),
        *("host_user_namespace", "writable_rootfs", "image_not_pinned", "no_health_check"),
        *("no_memory_limit", "no_cpu_limit", "no_pids_limit"),
    } <= found
    # cgroup v1 has Docker's containers in the host's cgroup namespace by default.
    assert found <= {*found & {"host_cgroup_namespace"}} | {
        *("net_raw", "capabilities_not_dropped", "privilege_escalation", "root_user"),
        *("host_user_namespace", "writable_rootfs", "image_not_pinned", "no_health_check"),
        *("no_memory_limit", "no_cpu_limit", "no_pids_limit"),
    }
    profile = page.labels("container_security_profile_info", name="sec-plain")
    assert (profile["pss"], profile["seccomp"], profile["user"]) == ("baseline", "filter", "0")


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("caps", {"added_capabilities"}, {"net_raw"}),
        ("user", set(), {"root_user"}),
        ("readonly", set(), {"writable_rootfs", "net_raw", "capabilities_not_dropped"}),
        ("seccomp", {"seccomp_disabled"}, set()),
        ("nonew", set(), {"privilege_escalation"}),
        ("hostpid", {"host_pid"}, set()),
        ("hostnet", {"host_network"}, set()),
        ("hostipc", {"host_ipc", "host_uts"}, set()),
        ("etc", {"host_path", "sensitive_mount"}, set()),
        ("limited", set(), {"no_memory_limit", "no_cpu_limit", "no_pids_limit"}),
        ("unmasked", {"unmasked_proc"}, set()),
        ("volume", set(), set()),
        ("device", {"host_devices"}, set()),
        ("secret", set(), set()),
        ("socket", {"host_path", "runtime_socket"}, set()),
        ("shared", {"host_path"}, set()),
        ("checked", set(), {"no_health_check"}),
        ("always", {"unlimited_restarts"}, set()),
        ("thrice", set(), set()),
    ],
)
def test_an_option_changes_exactly_what_it_is_about(
    page: Page, name: str, more: set[str], less: set[str]
) -> None:
    assert against_plain(page, name) == (more, less)


def test_a_socket_is_in_reach_through_the_directory_it_is_in(page: Page) -> None:
    more, less = against_plain(page, "run")
    assert less == set()
    assert {"host_path", "sensitive_mount"} <= more
    assert ("runtime_socket" in more) == Path("/run/docker.sock").exists()


def test_a_published_port_is_told_with_its_interface(docker_host: DockerHost) -> None:
    network = f"agent-test-{os.getpid()}"
    docker_host.cli("network", "create", network)
    try:
        for name, port in (("open", "0.0.0.0::80"), ("local", "127.0.0.1::80")):
            options = ("--network", network, "--publish", port)
            docker_host.cli(
                *("run", "--detach", "--name", f"sec-{name}"), *options, docker_host.image, *IDLE
            )
        found = page_once(NO_PROBES)
        published = docker_host.cli("port", "sec-open").split()[-1]
        shown = inspected("sec-open")["security"]["failed"]
    finally:
        for name in ("open", "local"):
            docker_host.remove(f"sec-{name}")
        docker_host.cli("network", "rm", network)
    assert failing(found, "open") - failing(found, "local") == {"ports_on_all_interfaces"}
    evidence = {finding["check"]: finding["evidence"] for finding in shown}
    assert evidence["ports_on_all_interfaces"] == f"{published} to 80/tcp"


def test_a_pods_host_port_is_told_of_its_containers(cri_host: CriHost) -> None:
    taken, plain = cri_host.run_pod("taken", host_port=8123), cri_host.run_pod("plain")
    try:
        for pod in (taken, plain):
            cri_host.start(pod, "web", IDLE)
        found = page_once(NO_PROBES, f"paths.containerd=['{cri_host.root}']")
    finally:
        cri_host.remove(taken)
        cri_host.remove(plain)
    checks = {
        pod: {labels["check"] for labels, _ in found.series("container_security_check", pod=pod)}
        for pod in ("taken", "plain")
    }
    assert checks["taken"] - checks["plain"] == {"host_ports", "ports_on_all_interfaces"}
    assert checks["plain"] >= {"root_user"}
    assert found.series("container_security_checks_unknown", pod="plain") == []


def test_added_capabilities_are_series_of_their_own(page: Page) -> None:
    found = page.series("container_capabilities_added", name="sec-caps")
    assert [labels["cap"] for labels, _ in found] == ["NET_ADMIN"]
    assert page.series("container_capabilities_added", name="sec-plain") == []


def test_root_can_make_every_check(page: Page) -> None:
    for name in VARIANTS:
        assert page.series("container_security_checks_unknown", name=f"sec-{name}") == []


def test_the_host_counts_what_its_containers_fail(page: Page) -> None:
    one_by_one: dict[str, int] = {}
    for labels, _ in page.series("container_security_check"):
        one_by_one[labels["check"]] = one_by_one.get(labels["check"], 0) + 1
    summed = {
        labels["check"]: value for labels, value in page.series("host_security_checks_failed")
    }
    assert summed == one_by_one
    assert summed["root_user"] >= 1


def inspect(*arguments: str, as_nobody: bool = False) -> subprocess.CompletedProcess[str]:
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
    return subprocess.run(
        [*(nobody if as_nobody else []), *command("inspect", *arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def inspected(*arguments: str) -> dict[str, Any]:
    done = inspect(*arguments, "-o", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_container_is_inspected_by_name_id_pid_and_cgroup(
    docker_host: DockerHost, variants: None
) -> None:
    by_name = inspected("sec-limited")
    id_, pid = by_name["container"]["id"], by_name["process"]["pid"]
    shown = json.loads(docker_host.cli("inspect", "sec-limited"))[0]
    assert (id_, pid) == (shown["Id"], shown["State"]["Pid"])
    for target in (id_[:16], f"pid:{pid}", f"cgroup:{by_name['cgroup']['path']}"):
        assert inspected(target)["container"]["id"] == id_
    assert by_name["limits"][0]["memory"] == {"limit": 64 << 20, "unlimited": False}
    assert by_name["limits"][0]["cpu"] == {"limit": 0.5, "unlimited": False}
    assert by_name["limits"][0]["pids"] == {"limit": 50, "unlimited": False}
    assert by_name["process"]["args"] == list(IDLE)
    assert by_name["image"]["id"] == shown["Image"]
    assert by_name["container"]["log_path"] == shown["LogPath"]


def test_the_page_says_what_to_do_and_no_secret(variants: None) -> None:
    done = inspect("sec-secret")
    assert done.returncode == 0
    assert "TOKEN=…" in done.stdout
    assert "hunter2" not in done.stdout + inspect("sec-secret", "-o", "json").stdout
    assert "FAIL  root_user" in done.stdout
    assert "> Set USER in the image" in done.stdout


def test_several_that_fit_are_listed_and_none_is_guessed(
    docker_host: DockerHost, variants: None
) -> None:
    ids = docker_host.cli("ps", "--no-trunc", "--quiet").split()
    first = next(id_[0] for id_ in ids if sum(other[0] == id_[0] for other in ids) > 1)
    done = inspect(first)
    assert done.returncode == 3
    assert done.stdout == ""
    for id_ in ids:
        assert (id_[:12] in done.stderr) == id_.startswith(first)


def test_without_root_what_anybody_may_read_is_told(variants: None) -> None:
    pid = inspected("sec-user")["process"]["pid"]
    done = inspect(f"pid:{pid}", "-o", "json", as_nobody=True)
    if done.returncode in (126, 127):
        pytest.skip(f"nobody may not run the interpreter: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["process"]["uid"] == 1000
    assert found["process"]["seccomp"] == "filter"
    assert found["process"]["namespaces"]["net"] == "own"
    unknown = {finding["check"] for finding in found["security"]["unknown"]}
    assert {"host_ipc", "host_devices", "drift", "image_not_pinned"} <= unknown


def test_podman_and_containerd_are_judged_by_the_same_table(
    podman_host: PodmanHost, containerd_host: ContainerdHost
) -> None:
    hosts: tuple[ContainerHost, ...] = (podman_host, containerd_host)
    started: list[ContainerHandle] = []
    try:
        for host in hosts:
            options = ("--restart", "always") if host is podman_host else ()
            made = host.run(f"sec-{host.runtime}", IDLE, memory=64 << 20, options=options)
            started.append(made)
        found = page_once(
            NO_PROBES,
            f"paths.podman=['{podman_host.root}']",
            f"paths.containerd=['{containerd_host.root}']",
        )
        podman, ctr = failing(found, "podman"), failing(found, "containerd")
        assert {"root_user", "writable_rootfs", "image_not_pinned"} <= podman & ctr
        assert podman.isdisjoint({"host_path", "seccomp_disabled", "no_memory_limit", "drift"})
        assert {"no_health_check", "unlimited_restarts"} <= podman - ctr
        # ctr sets no seccomp filter up unless told to.
        assert "seccomp_disabled" in ctr
        assert ctr.isdisjoint({"host_path", "no_memory_limit", "drift"})
        for name in ("sec-podman", "sec-containerd"):
            assert found.series("container_security_checks_unknown", name=name) == []
    finally:
        for host, handle in zip(hosts, started, strict=False):
            host.remove(handle.name)


def test_a_scan_that_arrives_is_joined_to_what_runs(
    docker_host: DockerHost, tmp_path: Path
) -> None:
    handle = docker_host.run("sec-scanned", IDLE)
    image_id = docker_host.cli("inspect", "--format", "{{.Image}}", handle.name).strip()
    image = {"image": docker_host.image, "image_id": image_id}
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "torn.json").write_text('{"SchemaVersion": 2,')
    fixture = Path(__file__).parents[1] / "fixtures" / "reports" / "trivy.json"
    report = json.loads(fixture.read_text())
    report["Metadata"]["ImageID"] = image_id
    try:
        with agent_run(
            tmp_path, f"security.image_reports={reports}", NO_PROBES, "logs.enabled=false"
        ) as agent:

            def scanned() -> list[float]:
                found = agent.page().series("container_image_scanned", **image)
                return [value for _, value in found]

            wait_until(lambda: scanned() == [0.0], 20, "the image runs and was never scanned")
        (reports / "api.json").write_text(json.dumps(report))
        page = page_once(f"security.image_reports={reports}", NO_PROBES)
        assert page.value("container_image_scanned", **image) == 1
        counts = {
            (labels["severity"], labels["fixable"]): value
            for labels, value in page.series("container_image_vulnerabilities", **image)
        }
        assert counts["critical", "true"] == 1
        assert counts["high", "true"] == 2
        assert page.value("agent_source_failures_total", source="images") == 1
    finally:
        docker_host.remove(handle.name)


def test_a_container_that_has_just_started_is_not_taken_for_its_runtime(
    docker_host: DockerHost, tmp_path: Path
) -> None:
    # Before it runs its own program it is `runc init`, which has the runtime's rights.
    with agent_run(tmp_path, NO_PROBES, "logs.enabled=false", "metrics.interval=0.1") as agent:
        names = [f"sec-new-{number}" for number in range(4)]
        seen: dict[str, set[str]] = {name: set() for name in names}
        try:
            for name in names:
                docker_host.run(name, IDLE)
                _watch(agent.page(), names, seen)
            wait_until(
                lambda: _watch(agent.page(), names, seen) and all(seen.values()),
                20,
                "every container was looked at",
            )
        finally:
            for name in names:
                docker_host.remove(name)
    assert seen == {name: {"filter"} for name in names}


def _watch(page: Page, names: Sequence[str], seen: dict[str, set[str]]) -> bool:
    for name in names:
        for labels, _ in page.series("container_security_profile_info", name=name):
            seen[name].add(labels["seccomp"])
        assert not page.series("container_security_check", name=name, check="drift")
        assert not page.series("container_security_check", name=name, check="privileged")
    return True


def test_root_in_a_user_namespace_of_its_own_is_told_with_what_it_is_worth(
    podman_host: PodmanHost,
) -> None:
    podman_host.run("sec-userns", IDLE, options=("--uidmap", "0:100000:65536"))
    try:
        found = inspected("sec-userns", "--set", f"paths.podman=['{podman_host.root}']")
    finally:
        podman_host.remove("sec-userns")
    assert (found["process"]["uid"], found["process"]["uid_on_host"]) == (0, 100000)
    assert found["process"]["namespaces"]["user"] == "own"
    failed = {finding["check"]: finding for finding in found["security"]["failed"]}
    assert "host_user_namespace" not in failed
    assert "drift" not in failed
    assert failed["root_user"]["qualified"].endswith("outside it is uid 100000")
    assert failed["writable_rootfs"]["qualified"] is None


def test_pods_are_judged_by_what_their_containers_are_in(cri_host: CriHost, tmp_path: Path) -> None:
    own = cri_host.run_pod("own", namespace="sec")
    hosts = cri_host.run_pod("hostnet", namespace="sec", host_network=True)
    volume = tmp_path / "pods" / own.uid / "volumes" / "kubernetes.io~empty-dir" / "x"
    volume.mkdir(parents=True)
    try:
        cri_host.start(own, "app", IDLE, memory=64 << 20, mounts={"/data": str(volume)})
        cri_host.start(own, "path", IDLE, mounts={"/host": str(tmp_path)})
        cri_host.start(hosts, "app", IDLE)
        where = f"paths.containerd=['{cri_host.root}']"
        page = page_once(NO_PROBES, where)

        def checks(pod: str, container: str) -> set[str]:
            series = page.series(
                "container_security_check", namespace="sec", pod=pod, container=container
            )
            return {labels["check"] for labels, _ in series}

        app = checks("own", "app")
        assert app.isdisjoint({"host_path", "host_network", "host_pid", "drift"})
        assert {"root_user", "no_cpu_limit", "image_not_pinned"} <= app
        # The runtime's own path of the namespace it joins does not tell whose it is.
        assert "host_network" in checks("hostnet", "app")
        assert checks("own", "path") - app == {"host_path", "no_memory_limit"}
        assert page.series("container_security_check", pod="own", container="") == []
        assert page.series("container_security_checks_unknown", namespace="sec") == []

        several = inspect("sec/own", "--set", where)
        assert several.returncode == 3
        assert "sec/own/app  " in several.stderr
        assert "sec/own/path  " in several.stderr
        one = inspected("sec/own/app", "--set", where)
        assert one["container"]["pod_uid"] == own.uid
        assert one["process"]["env_names"][-1] == "POD_NAME"
        assert [found["cgroup"] for found in one["limits"]][1] == own.cgroup
    finally:
        cri_host.remove(own)
        cri_host.remove(hosts)
