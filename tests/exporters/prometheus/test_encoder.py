"""exporters.prometheus.encoder: the page is valid, and says what the Snapshot says."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.memory import MemoryEvents, MemoryStat
from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container, Kind
from agent.filesystem.usage import FilesystemUsage, Layer, Space
from agent.kernelfile import UNLIMITED
from agent.model import Snapshot, SourceHealth
from agent.records import replace
from exporters.prometheus.encoder import Encoder
from tests.agent.snapshots import MIB, docker, interface, pod, reading, sample, snapshot
from tests.exporters.prometheus import whole

KUBELET_LABELS = {"container", "id", "image", "name", "namespace", "pod"}


def page(made: Snapshot) -> str:
    return b"".join(Encoder().encode(made)).decode()


def series(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    """Every sample called `name`, as prometheus_client reads the page."""
    return [
        (found.labels, found.value)
        for family in text_string_to_metric_families(text)
        for found in family.samples
        if found.name == name
    ]


def value(text: str, name: str) -> float:
    ((_, number),) = series(text, name)
    return number


def only(read: CgroupReading, container: Container | None = None) -> Snapshot:
    return snapshot(sample(read, path="/docker/a1", container=container or docker("web")))


def test_every_container_series_has_exactly_the_kubelets_labels() -> None:
    made = snapshot(
        sample(
            reading(disk=(IoStat(254, 0, 1, 2, 3, 4),), cpu_max=CpuMax(20_000, 100_000)),
            container=docker("web"),
            network=(interface("eth0", 5, 6),),
        )
    )
    extra = {"cpu", "device", "interface", "failure_type", "scope"}
    extra |= {"major", "minor", "operation"}
    for family in text_string_to_metric_families(page(made)):
        if family.name.startswith("machine_") or family.name == "container_scrape_error":
            continue
        if family.name == "container_info":
            continue
        for found in family.samples:
            assert KUBELET_LABELS <= found.labels.keys() <= KUBELET_LABELS | extra, found


def test_usage_is_in_seconds_and_has_the_label_cpu_total() -> None:
    text = page(only(reading(usage_usec=14_036_781)))
    ((labels, seconds),) = series(text, "container_cpu_usage_seconds_total")
    assert seconds == 14.036781
    assert labels["cpu"] == "total"
    assert labels["name"] == "web"
    assert labels["image"] == "demo:1"
    assert labels["container"] == labels["pod"] == labels["namespace"] == ""


def test_throttling_is_there_only_with_a_quota() -> None:
    limited = reading(cpu_max=CpuMax(20_000, 100_000), periods=50, throttled=7, throttled_usec=900)
    text = page(only(limited))
    assert value(text, "container_cpu_cfs_periods_total") == 50
    assert value(text, "container_cpu_cfs_throttled_periods_total") == 7
    assert value(text, "container_cpu_cfs_throttled_seconds_total") == 0.0009
    assert value(text, "container_spec_cpu_quota") == 20_000
    text = page(only(reading(periods=50)))
    assert series(text, "container_cpu_cfs_periods_total") == []
    assert series(text, "container_spec_cpu_quota") == []
    assert value(text, "container_spec_cpu_period") == 100_000


def test_the_working_set_leaves_out_inactive_file_and_never_falls_below_zero() -> None:
    text = page(only(reading(memory=100 * MIB, inactive_file=30 * MIB)))
    assert value(text, "container_memory_working_set_bytes") == 70 * MIB
    less = dataclasses.replace(
        reading(memory=1 * MIB), memory_stat=MemoryStat(anon=0, inactive_file=2 * MIB)
    )
    assert value(page(only(less)), "container_memory_working_set_bytes") == 0


def test_no_memory_limit_is_zero_and_an_unread_one_is_no_series() -> None:
    assert value(page(only(reading())), "container_spec_memory_limit_bytes") == 0
    limited = page(only(reading(memory_max=64 * MIB)))
    assert value(limited, "container_spec_memory_limit_bytes") == 64 * MIB
    unread = page(only(reading(memory_max=None)))
    assert series(unread, "container_spec_memory_limit_bytes") == []


def test_what_was_not_read_has_no_series_at_all() -> None:
    denied = CgroupReading(denied=("cpu_stat", "memory_current", "memory_stat"))
    text = page(only(denied))
    names = {family.name for family in text_string_to_metric_families(text)}
    assert names == {
        "container_start_time_seconds",
        "container_creation_time_seconds",
        "container_last_seen",
        "container_info",
        "container_scrape_error",
        "machine_cpu_cores",
        "machine_memory_bytes",
        "machine_scrape_error",
        "machine_swap_bytes",
    }


def test_slices_have_no_image_and_services_are_not_there() -> None:
    made = snapshot(
        sample(inode=1, path="/"),
        sample(inode=2, path="/docker"),
        sample(inode=3, path="/docker/a1", container=docker("web")),
        sample(inode=4, path="/docker/a1/init.scope"),
        sample(inode=5, path="/system.slice"),
        sample(inode=6, path="/system.slice/ssh.service"),
    )
    images = {
        labels["id"]: labels["image"] for labels, _ in series(page(made), "container_memory_rss")
    }
    assert images == {"/": "", "/docker": "", "/docker/a1": "demo:1"}


def test_a_pods_own_cgroup_has_its_names_and_no_container() -> None:
    group = Container(
        runtime="", id="", kind=Kind.POD, pod="search-0", namespace="shop", pod_uid="u-1"
    )
    made = snapshot(
        sample(inode=1, path="/kubepods/podu-1", container=group),
        sample(inode=2, path="/kubepods/podu-1/c", container=pod("shop", "search-0", "search")),
    )
    found = {
        labels["id"]: labels for labels, _ in series(page(made), "container_memory_usage_bytes")
    }
    above = found["/kubepods/podu-1"]
    assert (above["container"], above["image"], above["name"]) == ("", "", "")
    assert (above["namespace"], above["pod"]) == ("shop", "search-0")
    assert found["/kubepods/podu-1/c"]["container"] == "search"
    # A pod cgroup is not a container: no info series for it.
    assert [labels["id"] for labels, _ in series(page(made), "container_info")] == [
        "/kubepods/podu-1/c"
    ]


def test_disk_series_name_the_device_and_an_unnamed_one_is_told_once() -> None:
    disk = (IoStat(254, 0, rbytes=10, wbytes=20, rios=1, wios=2), IoStat(7, 1, 5), IoStat(7, 2, 6))
    made = dataclasses.replace(only(reading(disk=disk)), device_names={(254, 0): "/dev/vda"})
    found = {
        labels["device"]: number
        for labels, number in series(page(made), "container_fs_reads_bytes_total")
    }
    assert found == {"/dev/vda": 10, "": 5}


def test_loopback_and_the_hosts_ends_of_veth_pairs_are_left_out() -> None:
    network = tuple(interface(name, 1, 2) for name in ("lo", "eth0", "veth1a2b", "docker0"))
    made = snapshot(sample(container=docker("web"), network=network))
    found = series(page(made), "container_network_receive_bytes_total")
    assert [labels["interface"] for labels, _ in found] == ["eth0"]


def test_the_failcnt_keeps_cadvisors_name() -> None:
    read = dataclasses.replace(reading(), memory_events=MemoryEvents(max=7, oom_kill=2))
    text = page(only(read))
    assert value(text, "container_memory_failcnt") == 7
    assert value(text, "container_oom_events_total") == 2


def test_no_series_has_a_timestamp_and_none_is_there_twice() -> None:
    made = snapshot(
        *(sample(inode=i, path=f"/docker/{i}", container=docker(f"c{i}")) for i in range(5))
    )
    lines = [line for line in page(made).splitlines() if not line.startswith("#")]
    names = [line.rpartition(" ")[0] for line in lines]
    assert len(names) == len(set(names))
    assert all(
        line.count("} ") == 1 and len(line.split("} ")[1].split()) == 1
        for line in lines
        if "}" in line
    )


def test_help_and_type_stand_once_and_a_familys_lines_together() -> None:
    made = snapshot(
        *(sample(inode=i, path=f"/docker/{i}", container=docker(f"c{i}")) for i in range(3))
    )
    order = [
        line.split("{")[0].split(" ")[0] if not line.startswith("#") else line.split(" ")[2]
        for line in page(made).splitlines()
    ]
    runs = [name for i, name in enumerate(order) if i == 0 or order[i - 1] != name]
    assert len(runs) == len(set(runs))


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


@given(ANY, ANY, ANY)
def test_any_name_image_and_namespace_comes_back_as_it_was(
    name: str, image: str, namespace: str
) -> None:
    container = Container(
        runtime="docker", id="1", name=name, image=image, namespace=namespace, started=1.0
    )
    text = page(only(reading(), container))
    for line in text.split("\n"):
        if line.startswith("container_memory_rss"):
            labels = parse_labels(line)
            assert labels["name"] == name
            assert labels["image"] == image
            assert labels["namespace"] == namespace
            break
    else:
        pytest.fail("no such series")


def parse_labels(line: str) -> dict[str, str]:
    """Read the labels of one line by the format's own rules, independent of any parser."""
    labels: dict[str, str] = {}
    rest = line[line.index("{") + 1 :]
    while not rest.startswith("}"):
        name, _, rest = rest.partition('="')
        text = ""
        while not rest.startswith('"'):
            if rest.startswith("\\"):
                text += {"n": "\n", "\\": "\\", '"': '"'}[rest[1]]
                rest = rest[2:]
            else:
                text += rest[0]
                rest = rest[1:]
        labels[name] = text
        rest = rest[1:].removeprefix(",")
    return labels


def test_a_container_that_gets_its_name_later_gets_its_labels_later() -> None:
    encoder = Encoder()
    first = snapshot(sample(container=Container(runtime="docker", id="1", complete=False)))
    second = snapshot(sample(container=docker("web")))
    assert 'name=""' in b"".join(encoder.encode(first)).decode()
    assert 'name="web"' in b"".join(encoder.encode(second)).decode()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say() -> None:
    made = snapshot(
        sample(
            reading(disk=(IoStat(254, 0, 1, 2, 3, 4),), cpu_max=CpuMax(20_000, 100_000)),
            container=docker('we"ird\\name\n'),
            network=(interface("eth0", 5, 6),),
        )
    )
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=page(made).encode(), capture_output=True
    )
    assert (checked.stdout + checked.stderr).decode() == ""
    assert checked.returncode == 0


def test_unlimited_is_not_a_number_anywhere() -> None:
    assert "UNLIMITED" not in page(only(reading(memory_max=UNLIMITED, pids_max=UNLIMITED)))


def test_a_pods_two_containers_and_sandbox_count_its_network_once() -> None:
    received = [
        labels
        for labels, _ in series(page(whole.snapshot()), "container_network_receive_bytes_total")
        if labels["pod"] == "search-0"
    ]
    assert [labels["container"] for labels in received] == [""]


def test_a_device_is_told_by_its_path() -> None:
    found = series(page(whole.snapshot()), "container_fs_writes_bytes_total")
    assert {labels["device"] for labels, _ in found} == {"/dev/vda"}


def test_creation_is_what_the_runtime_says_and_start_is_the_last() -> None:
    made = whole.container(created=100.5, started=200.0)
    text = page(only(reading(), made))
    assert value(text, "container_creation_time_seconds") == 100.5
    assert value(text, "container_start_time_seconds") == 200


def test_info_tells_what_the_other_series_leave_out() -> None:
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
        "com.amazonaws.ecs.task-arn": "arn:aws:ecs:eu-west-1:1:task/cluster/0123",
    }
    text = page(only(reading(), whole.container(labels=labels, attempt=2, image_id="sha256:1")))
    ((found, one),) = series(text, "container_info")
    assert one == 1
    assert {name: found[name] for name in found.keys() - KUBELET_LABELS} == {
        "attempt": "2",
        "compose_project": "shop",
        "compose_service": "web",
        "ecs_task": "0123",
        "image_id": "sha256:1",
        "kind": "container",
        "owner_kind": "",
        "owner_name": "",
        "pod_uid": "",
        "qos": "",
        "runtime": "docker",
    }


def test_info_names_the_owner_by_the_pods_labels_where_containers_have_none() -> None:
    sandbox = whole.container(
        kind=Kind.SANDBOX,
        pod="api-7d4b9c8f6d-x2x9z",
        pod_uid="u",
        labels={"pod-template-hash": "7d4b9c8f6d"},
    )
    inside = whole.container(pod="api-7d4b9c8f6d-x2x9z", pod_uid="u", container="api")
    made = snapshot(
        sample(inode=1, path="/kubepods/podu/a", container=inside),
        sample(inode=2, path="/kubepods/podu/b", container=sandbox),
    )
    owners = {
        (labels["owner_kind"], labels["owner_name"])
        for labels, _ in series(page(made), "container_info")
    }
    assert owners == {("Deployment", "api")}


def test_a_cgroup_that_could_not_be_read_is_a_scrape_error() -> None:
    assert value(page(snapshot(sample())), "container_scrape_error") == 0
    text = page(snapshot(sample(), health=(SourceHealth("cgroup", 0.1, 1, "refused"),)))
    assert value(text, "container_scrape_error") == 1
    assert value(text, "machine_scrape_error") == 0


def test_a_file_about_the_machine_that_could_not_be_read_is_a_scrape_error_of_its_own() -> None:
    text = page(snapshot(sample(), health=(SourceHealth("host", 0.1, 1, "refused"),)))
    assert value(text, "machine_scrape_error") == 1
    assert value(text, "container_scrape_error") == 0


def test_the_machines_series_have_cadvisors_ids() -> None:
    ((labels, cores),) = series(page(whole.snapshot()), "machine_cpu_physical_cores")
    assert (labels, cores) == ({"boot_id": "b1", "machine_id": "m1", "system_uuid": "s1"}, 8)


def test_text_that_is_kept_is_what_another_encoder_would_write() -> None:
    encoder, bare = Encoder(), whole.snapshot()

    def with_layers(size: int) -> Snapshot:
        layer = Layer("/dev/vda", Space(size, 40, 30, 10, 5), None, size)
        usage = FilesystemUsage(layer=layer)
        return replace(
            bare, samples=tuple(replace(found, filesystem=usage) for found in bare.samples)
        )

    first, second = with_layers(1000), with_layers(2000)
    only_one = replace(first, samples=first.samples[:1])
    for made in (bare, first, first, second, bare, only_one, second, first):
        assert b"".join(encoder.encode(made)).decode() == page(made)
    assert "container_fs_limit_bytes{" not in page(bare)
    for made, size in ((first, 1000), (second, 2000)):
        assert {number for _, number in series(page(made), "container_fs_limit_bytes")} == {size}
