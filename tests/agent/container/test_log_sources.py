from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from agent.config import HostPaths
from agent.container.log_sources import LogSources

FIXTURES = Path(__file__).parents[2] / "fixtures" / "runtimes"
ID = "d4d50b77118d3cfa4e9c27691c6ecd60695a0d247feed30b9140204ec54f2dce"
OTHER_ID = "7f540f6c12cb648de3414f1a55e90f46506764b9330552d0352fc7d582d34add"
UID = "599e16b6-1bf2-4203-b769-6055c486c395"
POD = f"demo_web_{UID}"


class Host:
    """A host's files below a temporary directory; paths in them are the host's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "proc").mkdir()
        self.paths = HostPaths(root=str(root), proc=str(root / "proc"))
        self.docker = root / "var/lib/docker/containers"
        self.pods = root / "var/log/pods"
        self.links = root / "var/log/containers"

    def docker_container(
        self, id_: str = ID, name: str = "web", driver: str = "json-file", *, log: bool = True
    ) -> Path:
        directory = self.docker / id_
        directory.mkdir(parents=True, exist_ok=True)
        config = orjson.loads((FIXTURES / "docker-config.v2.json").read_bytes())
        log_path = f"/var/lib/docker/containers/{id_}/{id_}-json.log"
        config |= {"ID": id_, "Name": f"/{name}", "LogPath": log_path if log else ""}
        (directory / "new").write_bytes(orjson.dumps(config))
        (directory / "new").replace(directory / "config.v2.json")
        (directory / "hostconfig.json").write_bytes(
            orjson.dumps({"LogConfig": {"Type": driver, "Config": {}}})
        )
        if log:
            (directory / f"{id_}-json.log").touch()
        return directory

    def pod_log(self, pod: str = POD, container: str = "app", attempt: int = 0) -> Path:
        directory = self.pods / pod / container
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{attempt}.log"
        path.touch()
        return path

    def link(self, id_: str, pod: str = POD, container: str = "app", attempt: int = 0) -> None:
        self.links.mkdir(parents=True, exist_ok=True)
        (self.links / f"web_demo_{container}-{id_}.log").symlink_to(
            f"/var/log/pods/{pod}/{container}/{attempt}.log"
        )


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


def test_a_directory_without_a_config_yet_is_watched(host: Host) -> None:
    directory = host.docker / ID
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
    broken = host.docker / OTHER_ID
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
    host.docker.parent.rename(host.root / "srv")
    (host.root / "etc/docker").mkdir(parents=True)
    (host.root / "etc/docker/daemon.json").write_text('{"data-root": "/srv"}')
    assert len(LogSources(host.paths).scan()) == 1


@pytest.mark.parametrize("argument", ["--data-root\0/srv", "--data-root=/srv", "-g\0/srv"])
def test_the_data_root_of_a_running_daemon_is_searched(host: Host, argument: str) -> None:
    host.docker_container()
    host.docker.parent.rename(host.root / "srv")
    process = host.root / "proc/77"
    process.mkdir()
    (process / "comm").write_text("dockerd\n")
    (process / "cmdline").write_text(f"/usr/bin/dockerd\0--debug\0{argument}\0")
    assert len(LogSources(host.paths).scan()) == 1


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
        str(host.docker),
        str(host.pods),
        str(host.pods / POD),
        str(host.pods / POD / "app"),
    ]


def test_a_host_without_containers_has_no_sources_and_no_failures(host: Host) -> None:
    sources = LogSources(host.paths)
    assert sources.scan() == []
    assert sources.failures() == ()
