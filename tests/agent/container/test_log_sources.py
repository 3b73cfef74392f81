from __future__ import annotations

import os
import shutil
from pathlib import Path

import orjson
import pytest

from agent.container.container import Container, Kind
from agent.container.failures import Failures
from agent.container.log_sources import LogSources
from agent.container.pod_logs import PodLogs
from agent.container.podman_database import Databases, Recorded
from agent.container.podman_logs import PodmanLogs
from agent.kernelfile import Denied
from tests.agent.container.tree import ID, OTHER_ID, Tree, captured, oci

gives_files_away = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")

UID = "599e16b6-1bf2-4203-b769-6055c486c395"
POD = f"demo_web_{UID}"
IN_META = "ed4264cf4dd354c596e42aeaa1446c378f000a0e3161c2ecb9ecacad3da2cc99"
"""A container of the captured database."""
STORAGE = "/var/lib/containers/storage"
PODMAN_ID = "39f3ae76f3cb187f4e7ec6be942550b4a38120f8d74defec6c5657123a55a596"
INFRA = "8fadb442d8c0dfdd502e63ed8ed5418c4664f6f8647e7a92594ca9a98ef6c6c8"


class Host(Tree):
    """A tree with log files in it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.containers = self.at("/var/lib/docker/containers")
        self.pods = self.at("/var/log/pods")

    def docker_container(
        self, id_: str = ID, name: str = "web", driver: str = "json-file", *, log: bool = True
    ) -> Path:
        directory = self.docker(id_, Name=f"/{name}")
        config = {"LogConfig": {"Type": driver, "Config": {}}}
        self.write(f"{directory}/hostconfig.json", orjson.dumps(config))
        if log:
            self.write(f"{directory}/{id_}-json.log", "")
        return self.at(directory)

    def pod_log(self, pod: str = POD, container: str = "app", attempt: int = 0) -> Path:
        return self.write(f"/var/log/pods/{pod}/{container}/{attempt}.log", "")

    def link(self, id_: str, pod: str = POD, container: str = "app", attempt: int = 0) -> None:
        links = self.at("/var/log/containers")
        links.mkdir(parents=True, exist_ok=True)
        (links / f"web_demo_{container}-{id_}.log").symlink_to(
            f"/var/log/pods/{pod}/{container}/{attempt}.log"
        )

    def podman(self) -> None:
        store = f"{STORAGE}/overlay-containers"
        self.write(f"{store}/containers.json", captured("podman-containers.json"))

    def podman_log(self, id_: str = PODMAN_ID) -> Path:
        return self.write(f"{STORAGE}/overlay-containers/{id_}/userdata/ctr.log", "")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_docker_container_with_json_file_is_a_source(host: Host) -> None:
    directory = host.docker_container()
    (source,) = LogSources(host.paths).scan()
    assert source.path == str(directory / f"{ID}-json.log")
    assert source.format == "docker"
    assert source.container.name == "web"
    assert source.container.labels == {"app": "demo", "tier": "web"}


def test_another_log_driver_is_no_source(host: Host) -> None:
    host.docker_container(driver="journald", log=False)
    assert LogSources(host.paths).scan() == []


def test_an_unchanged_source_is_the_same_object(host: Host) -> None:
    host.docker_container()
    host.pod_log()
    sources = LogSources(host.paths)
    first = sources.scan()
    assert [id(source) for source in sources.scan()] == [id(source) for source in first]


def test_a_rename_gives_the_new_name(host: Host) -> None:
    host.docker_container()
    sources = LogSources(host.paths)
    sources.scan()
    host.docker_container(name="renamed")
    (source,) = sources.scan()
    assert source.container.name == "renamed"


def test_a_container_whose_log_is_still_to_come_is_watched_then_found(host: Host) -> None:
    directory = host.docker_container(log=False)
    sources = LogSources(host.paths)
    assert sources.scan() == []
    assert str(directory) in sources.directories()
    (directory / f"{ID}-json.log").touch()
    (source,) = sources.scan()
    assert source.path == str(directory / f"{ID}-json.log")
    assert str(directory) not in sources.directories()


@pytest.mark.parametrize(
    ("name", "there"),
    [("1", True), ("1.gz", True), ("12.gz", True), ("1.gz.tmp", False), ("bak", False)],
)
def test_a_container_of_which_only_rotated_files_are_left_is_a_source(
    host: Host, name: str, *, there: bool
) -> None:
    directory = host.docker_container(log=False)
    (directory / f"{ID}-json.log.{name}").touch()
    found = [source.path for source in LogSources(host.paths).scan()]
    assert found == ([str(directory / f"{ID}-json.log")] if there else [])


def test_a_directory_without_a_config_yet_is_watched(host: Host) -> None:
    directory = host.containers / ID
    directory.mkdir(parents=True)
    sources = LogSources(host.paths)
    assert sources.scan() == []
    assert str(directory) in sources.directories()


def test_a_removed_container_is_no_source_any_more(host: Host) -> None:
    directory = host.docker_container()
    sources = LogSources(host.paths)
    assert len(sources.scan()) == 1
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    assert sources.scan() == []


def test_a_broken_config_is_said_and_the_others_are_found(host: Host) -> None:
    host.docker_container()
    broken = host.containers / OTHER_ID
    broken.mkdir()
    (broken / "config.v2.json").write_text("{")
    sources = LogSources(host.paths)
    assert len(sources.scan()) == 1
    assert len(sources.scan()) == 1
    (message,) = sources.failures()
    assert message.startswith(f"{broken}/config.v2.json: not JSON")
    host.docker_container(OTHER_ID)
    assert len(sources.scan()) == 2
    assert sources.failures() == ()


def test_the_data_root_of_daemon_json_is_searched(host: Host) -> None:
    host.docker_container()
    host.containers.parent.rename(host.root / "srv")
    (host.root / "etc/docker").mkdir(parents=True)
    (host.root / "etc/docker/daemon.json").write_text('{"data-root": "/srv"}')
    assert len(LogSources(host.paths).scan()) == 1


@pytest.mark.parametrize("argument", ["--data-root\0/srv", "--data-root=/srv", "-g\0/srv"])
def test_the_data_root_of_a_running_daemon_is_searched(host: Host, argument: str) -> None:
    host.docker_container()
    host.containers.parent.rename(host.root / "srv")
    process = host.root / "proc/77"
    process.mkdir()
    (process / "comm").write_text("dockerd\n")
    (process / "cmdline").write_text(f"/usr/bin/dockerd\0--debug\0{argument}\0")
    assert len(LogSources(host.paths).scan()) == 1


@pytest.mark.parametrize("named", ["/srv", "/srv/"])
def test_a_data_root_of_two_names_is_read_once(host: Host, named: str) -> None:
    host.docker_container()
    docker = host.containers.parent
    docker.rename(host.root / "srv")
    docker.symlink_to(host.root / "srv")
    host.write("/etc/docker/daemon.json", f'{{"data-root": "{named}"}}')
    (source,) = LogSources(host.paths).scan()
    assert source.path == f"{docker}/containers/{ID}/{ID}-json.log"


def test_two_data_roots_with_the_same_container_are_both_read(host: Host) -> None:
    """One of them is what was left when the data moved, and nobody here knows which."""
    host.docker_container()
    shutil.copytree(host.containers.parent, host.root / "srv")
    host.write("/etc/docker/daemon.json", '{"data-root": "/srv"}')
    assert len(LogSources(host.paths).scan()) == 2


def test_processes_that_are_hidden_are_said_and_the_configured_root_is_searched(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hidden(path: str, parse: object) -> None:
        raise Denied(1, "Operation not permitted", path)

    host.docker_container()
    host.process(10, 1, ["sshd"])
    monkeypatch.setattr("agent.container.docker_roots.read", hidden)
    sources = LogSources(host.paths)
    assert len(sources.scan()) == 1
    (message,) = sources.failures()
    assert message.endswith("/proc/10/comm: Operation not permitted")


def test_each_attempt_of_a_kubernetes_container_is_a_source(host: Host) -> None:
    paths = [host.pod_log(attempt=0), host.pod_log(attempt=12)]
    host.link(ID, attempt=0)
    host.link(OTHER_ID, attempt=12)
    (host.pods / POD / "app" / "0.log.20260101-101010").touch()
    first, second = LogSources(host.paths).scan()
    assert [first.path, second.path] == [str(path) for path in paths]
    assert {first.format, second.format} == {"cri"}
    assert first.container.title == "demo/web/app"
    assert [first.container.attempt, second.container.attempt] == [0, 12]
    assert [first.container.id, second.container.id] == [ID, OTHER_ID]
    assert first.container.pod_uid == UID
    assert first.container.log_path == f"/var/log/pods/{POD}/app/0.log"


def test_a_link_that_comes_later_gives_the_id_at_the_next_scan(host: Host) -> None:
    host.pod_log()
    sources = LogSources(host.paths)
    (source,) = sources.scan()
    assert source.container.id == ""
    assert not source.container.complete
    host.link(ID)
    (source,) = sources.scan()
    assert source.container.id == ID


def test_a_pod_log_that_links_to_dockers_file_is_dockers_source(host: Host) -> None:
    host.docker_container()
    directory = host.pods / POD / "app"
    directory.mkdir(parents=True)
    (directory / "0.log").symlink_to(f"/var/lib/docker/containers/{ID}/{ID}-json.log")
    (source,) = LogSources(host.paths).scan()
    assert source.container.runtime == "docker"
    assert source.format == "docker"


def test_a_pod_log_that_links_to_dockers_file_by_another_name_is_dockers_source(host: Host) -> None:
    host.docker_container()
    docker = host.containers.parent
    docker.rename(host.root / "srv")
    docker.symlink_to(host.root / "srv")
    directory = host.pods / POD / "app"
    directory.mkdir(parents=True)
    (directory / "0.log").symlink_to(f"/srv/containers/{ID}/{ID}-json.log")
    (source,) = LogSources(host.paths).scan()
    assert source.container.runtime == "docker"


def test_a_pod_log_that_links_to_an_unknown_docker_root_keeps_dockers_format(host: Host) -> None:
    directory = host.pods / POD / "app"
    directory.mkdir(parents=True)
    (directory / "0.log").symlink_to(f"/data/docker/containers/{ID}/{ID}-json.log")
    (source,) = LogSources(host.paths).scan()
    assert source.path == f"{host.root}/data/docker/containers/{ID}/{ID}-json.log"
    assert source.format == "docker"


def test_the_pods_directory_may_itself_be_a_link(host: Host) -> None:
    host.pod_log()
    host.pods.rename(host.root / "data")
    host.pods.symlink_to("/data")
    (source,) = LogSources(host.paths).scan()
    assert source.container.pod == "web"


def test_links_in_a_circle_end(host: Host) -> None:
    directory = host.pods / POD / "app"
    directory.mkdir(parents=True)
    (directory / "0.log").symlink_to("0.log")
    assert len(LogSources(host.paths).scan()) == 1


def test_what_does_not_look_like_a_pods_directory_is_left_alone(host: Host) -> None:
    host.pod_log(pod="lost+found")
    host.pod_log(container="ok")
    (host.pods / "README").touch()
    assert [source.container.container for source in LogSources(host.paths).scan()] == ["ok"]


def test_directories_are_those_where_new_logs_appear(host: Host) -> None:
    host.pod_log()
    host.docker_container()
    sources = LogSources(host.paths)
    sources.scan()
    assert sources.directories() == [
        str(host.containers),
        str(host.pods),
        str(host.pods / POD),
        str(host.pods / POD / "app"),
    ]


def test_a_host_without_containers_has_no_sources_and_no_failures(host: Host) -> None:
    sources = LogSources(host.paths)
    assert sources.scan() == []
    assert sources.failures() == ()


# --- what a runtime knows of a Kubernetes container


def test_image_and_labels_come_from_containerds_database(host: Host) -> None:
    host.pod_log()
    host.link(IN_META)
    host.meta("containerd21-meta.db")
    (source,) = LogSources(host.paths).scan()
    container = source.container
    assert (container.runtime, container.image) == ("containerd", "research.local/busybox:1.35")
    assert container.labels["app"] == "web21"
    assert (container.pod, container.container, container.complete) == ("web", "app", True)


def test_image_and_labels_come_from_crios_bundle(host: Host) -> None:
    host.pod_log(attempt=2)
    host.link(ID, attempt=2)
    annotations = {
        "io.container.manager": "cri-o",
        "io.kubernetes.cri-o.ImageName": "busybox:1",
    }
    directory = f"/run/containers/storage/overlay-containers/{ID}/userdata"
    host.write(f"{directory}/config.json", oci(annotations))
    (source,) = LogSources(host.paths).scan()
    assert (source.container.runtime, source.container.image) == ("cri-o", "busybox:1")
    assert (source.container.title, source.container.attempt) == ("demo/web/app", 2)
    assert source.container.log_path == f"/var/log/pods/{POD}/app/2.log"


def test_a_damaged_database_is_said_and_the_log_is_still_a_source(host: Host) -> None:
    host.pod_log()
    host.link(IN_META)
    host.write("/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db", b"x")
    sources = LogSources(host.paths)
    (source,) = sources.scan()
    assert source.container.title == "demo/web/app"
    (message,) = sources.failures()
    assert message.endswith("meta.db: not a BoltDB file")


def test_an_image_that_stands_nowhere_is_not_looked_for_for_ever(host: Host) -> None:
    host.pod_log()
    host.link(ID)
    time = 0.0
    asked = []

    def details(container: Container) -> Container:
        asked.append(time)
        return container

    logs = PodLogs(host.paths, Failures(), details, now=lambda: time)
    for second in range(300):
        time = float(second)
        (source,) = logs.scan()
    assert asked == [0, 10, 20, 30, 40, 50]
    assert source.container.complete


# --- Podman


def test_podmans_container_with_a_log_file_is_a_source(host: Host) -> None:
    host.podman()
    path = host.podman_log()
    (source,) = LogSources(host.paths).scan()
    assert (source.path, source.format) == (str(path), "cri")
    assert (source.container.runtime, source.container.name) == ("podman", "pod-test")
    assert source.container.image == "localhost/busybox:local"


def test_podmans_database_tells_the_log_and_that_it_is_a_pods_infra(host: Host) -> None:
    host.podman()
    host.write(f"{STORAGE}/libpod/bolt_state.db", captured("podman4-bolt_state.db"))
    host.podman_log(INFRA)
    (source,) = LogSources(host.paths).scan()
    assert (source.container.id, source.container.kind) == (INFRA, Kind.SANDBOX)


def journald_database(host: Host) -> None:
    """The captured database, of containers that log to the journal."""
    captured_one = captured("podman4-bolt_state.db").replace(b"k8s-file", b"journald")
    host.write(f"{STORAGE}/libpod/bolt_state.db", captured_one)


def test_a_podman_container_without_a_file_is_known_by_its_id_and_whose_it_is(host: Host) -> None:
    host.podman()
    journald_database(host)
    sources = LogSources(host.paths)
    assert sources.scan() == []
    found = sources.container(PODMAN_ID, 0)
    assert found is not None
    assert (found.name, found.labels, found.log_driver) == (
        "pod-test",
        {"app": "pdemo"},
        "journald",
    )
    assert sources.container(PODMAN_ID, 1000) is None
    assert sources.container("0" * 64, 0) is None


def test_containers_without_a_file_are_told_apart_from_sources(host: Host) -> None:
    host.podman()
    journald_database(host)
    host.docker_container(driver="gelf", log=False)
    host.docker_container(OTHER_ID, "fresh", log=False)
    sources = LogSources(host.paths)
    assert sources.scan() == []
    found = {source.container.name: source for source in sources.elsewhere()}
    assert {source.path for source in found.values()} == {""}
    assert found["web"].container.log_driver == "gelf"
    assert found["fresh"].container.log_driver == "json-file"
    assert found["pod-test"].container.log_driver == "journald"


def test_podmans_log_elsewhere_is_found_on_conmons_command_line(host: Host) -> None:
    host.podman()
    host.process(10, 1, ["conmon", "-c", PODMAN_ID, "-l", "k8s-file:/srv/web.log"])
    host.write(f"/run/containers/storage/overlay-containers/{PODMAN_ID}/userdata/conmon.pid", "10")
    path = host.write("/srv/web.log", "")
    (source,) = LogSources(host.paths).scan()
    assert source.path == str(path)


def test_podmans_container_is_looked_at_again_until_its_row_is_written(host: Host) -> None:
    """It is in its storage before it is in its database, which says where it logs to."""
    host.podman()
    now = 100.0
    logs = PodmanLogs(host.paths, Failures(), lambda: now)
    assert logs.scan() == []
    now += 5
    path = host.write("/srv/web.log", "")
    host.process(10, 1, ["conmon", "-c", PODMAN_ID, "-l", "k8s-file:/srv/web.log"])
    host.write(f"/run/containers/storage/overlay-containers/{PODMAN_ID}/userdata/conmon.pid", "10")
    assert [source.path for source in logs.scan()] == [str(path)]


def test_another_programs_container_is_not_looked_at_for_ever(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.podman()
    now = 100.0
    logs = PodmanLogs(host.paths, Failures(), lambda: now)
    logs.scan()
    asked: list[str] = []

    def get(_self: Databases, _graph: str, id_: str) -> Recorded | None:
        asked.append(id_)
        return None

    monkeypatch.setattr(Databases, "get", get)
    logs.scan()
    assert asked
    asked.clear()
    now += 61
    logs.scan()
    assert asked == []


def test_a_pid_that_is_another_process_now_is_not_believed(host: Host) -> None:
    host.podman()
    host.process(10, 1, ["conmon", "-c", INFRA, "-l", "k8s-file:/srv/other.log"])
    host.write(f"/run/containers/storage/overlay-containers/{PODMAN_ID}/userdata/conmon.pid", "10")
    host.write("/srv/other.log", "")
    assert LogSources(host.paths).scan() == []


def test_podmans_store_is_watched(host: Host) -> None:
    host.podman()
    sources = LogSources(host.paths)
    sources.scan()
    assert str(host.at(f"{STORAGE}/overlay-containers")) in sources.directories()


@gives_files_away
def test_a_users_storage_is_found_through_conmon_and_stays(host: Host) -> None:
    graph = "/home/me/.local/share/containers/storage"
    store = f"{graph}/vfs-containers"
    host.write(f"{store}/containers.json", captured("podman-containers.json"))
    log = host.write(f"{store}/{PODMAN_ID}/userdata/ctr.log", "")
    host.process(10, 1, ["conmon", "-c", PODMAN_ID, "-b", f"{store}/{PODMAN_ID}/userdata"])
    os.chown(host.root / "proc/10", 1000, 1000)
    sources = LogSources(host.paths)
    (source,) = sources.scan()
    assert (source.path, source.owner) == (str(log), 1000)
    shutil.rmtree(host.root / "proc/10")
    assert sources.scan() == [source]
    assert str(host.at(store)) in sources.directories()


@gives_files_away
def test_a_users_container_in_the_journal_is_that_users(host: Host) -> None:
    graph = "/home/me/.local/share/containers/storage"
    store = f"{graph}/vfs-containers"
    host.write(f"{store}/containers.json", captured("podman-containers.json"))
    database = captured("podman4-bolt_state.db").replace(b"k8s-file", b"journald")
    host.write(f"{graph}/libpod/bolt_state.db", database)
    host.process(10, 1, ["conmon", "-c", PODMAN_ID, "-b", f"{store}/{PODMAN_ID}/userdata"])
    os.chown(host.root / "proc/10", 1000, 1000)
    sources = LogSources(host.paths)
    assert sources.scan() == []
    assert {source.owner for source in sources.elsewhere()} == {1000}
    found = sources.container(PODMAN_ID, 1000)
    assert found is not None
    assert found.labels == {"app": "pdemo"}
    assert sources.container(PODMAN_ID, 0) is None


@gives_files_away
def test_a_dockerd_that_is_not_roots_is_not_believed(host: Host) -> None:
    host.docker(root="/home/me/docker")
    host.process(10, 1, ["dockerd", "--data-root", "/home/me/docker"])
    os.chown(host.root / "proc/10", 1000, 1000)
    assert LogSources(host.paths).scan() == []


@pytest.mark.parametrize("rotated", ["2.log.20260101-101010", "2.log.20260101-101010.gz"])
def test_an_attempt_of_which_only_a_rotated_file_is_left_is_still_a_source(
    host: Host, rotated: str
) -> None:
    directory = host.pods / POD / "app"
    directory.mkdir(parents=True)
    (directory / rotated).touch()
    (found,) = LogSources(host.paths).scan()
    assert found.path == str(directory / "2.log")
    assert found.container.attempt == 2
