"""The disk group: what of a FilesystemUsage is on the page, and what is not."""

from __future__ import annotations

from dataclasses import replace

from agent.filesystem.usage import Device, FilesystemUsage, Layer, Space, Tree, Volume
from agent.model import Sample
from exporters.prometheus.groups.disk import METRICS
from tests.agent.snapshots import docker, sample, snapshot

DISK = Space(1000, 400, 300, 50, 20)
TREE = Tree(70, 7, True, 90.0, 0.1)
LAYER = Layer("/dev/sda1", DISK, TREE, 5)

Series = dict[tuple[str, ...], float | None]


def page(usage: FilesystemUsage | None) -> dict[str, Series]:
    found: Sample = replace(sample(container=docker("web")), filesystem=usage)
    made = snapshot(found, at=100.0)
    return {
        metric.name: {
            tuple(value for _, value in labels): number
            for labels, number in metric.read(found, made)
            if number is not None
        }
        for metric in METRICS
    }


def test_a_container_without_measurements_has_no_series() -> None:
    assert all(series == {} for series in page(None).values())
    assert all(series == {} for series in page(FilesystemUsage()).values())


def test_a_layer_is_told_with_its_logs_and_the_filesystem_below_it() -> None:
    found = page(FilesystemUsage(layer=LAYER))
    assert found["container_fs_usage_bytes"] == {("/dev/sda1",): 75}
    assert found["container_fs_log_bytes"] == {("/dev/sda1",): 5}
    assert found["container_fs_limit_bytes"] == {("/dev/sda1",): 1000}
    assert found["container_fs_inodes_total"] == {("/dev/sda1",): 50}
    assert found["container_fs_inodes_free"] == {("/dev/sda1",): 20}
    assert found["container_fs_inodes_used"] == {(): 7}
    assert found["container_fs_usage_age_seconds"] == {(): 10}
    assert found["container_fs_usage_complete"] == {(): 1}


def test_a_layer_not_yet_walked_has_no_usage_and_no_age() -> None:
    found = page(FilesystemUsage(layer=LAYER._replace(tree=None)))
    assert found["container_fs_usage_bytes"] == {}
    assert found["container_fs_usage_complete"] == {}
    assert found["container_fs_usage_age_seconds"] == {}
    assert found["container_fs_limit_bytes"] == {("/dev/sda1",): 1000}


def test_a_layer_that_was_not_walked_to_its_end_says_so() -> None:
    found = page(FilesystemUsage(layer=LAYER._replace(tree=TREE._replace(complete=False))))
    assert found["container_fs_usage_complete"] == {(): 0}
    assert found["container_fs_usage_bytes"] == {("/dev/sda1",): 75}


def test_the_hosts_filesystems_are_what_is_in_use_on_each() -> None:
    found = page(FilesystemUsage(devices=(Device("/dev/sda1", DISK), Device("/run", DISK))))
    assert found["container_fs_usage_bytes"] == {("/dev/sda1",): 600, ("/run",): 600}
    assert found["container_fs_usage_complete"] == {}
    assert found["container_fs_log_bytes"] == {}


def test_a_filesystem_without_a_number_of_inodes_has_no_such_series() -> None:
    btrfs = LAYER._replace(space=DISK._replace(inodes=None, inodes_free=None))
    found = page(FilesystemUsage(layer=btrfs))
    assert found["container_fs_inodes_total"] == {}
    assert found["container_fs_limit_bytes"] == {("/dev/sda1",): 1000}


def test_a_volume_of_unknown_size_still_tells_its_filesystem() -> None:
    volume = Volume("cache", "emptyDir", "/cache", None, None, DISK)
    found = page(FilesystemUsage(volumes=(volume,)))
    labels = ("/cache", "cache", "emptyDir")
    assert found["container_volume_used_bytes"] == {}
    assert found["container_volume_inodes_used"] == {}
    assert found["container_volume_capacity_bytes"] == {labels: 1000}
    assert found["container_volume_available_bytes"] == {labels: 300}


def test_series_have_the_labels_the_catalogue_says() -> None:
    volume = Volume("cache", "emptyDir", "/cache", 1, 1, DISK)
    found = replace(
        sample(container=docker("web")),
        filesystem=FilesystemUsage(LAYER, (volume,), (Device("/run", DISK),)),
    )
    for metric in METRICS:
        for labels, _ in metric.read(found, snapshot(found)):
            assert tuple(name for name, _ in labels) == metric.labels, metric.name
