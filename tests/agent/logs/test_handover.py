"""agent/logs/handover.py"""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.config import Config, HostPaths, KubernetesConfig, LogsConfig
from agent.file_destination import FileDestination
from agent.log_destinations import (
    Destination,
    ElasticsearchDestination,
    FluentdDestination,
    ForwardServer,
    GraylogDestination,
    LokiDestination,
    OtlpDestination,
)
from agent.log_rules import ENDLESS, LogRule
from agent.logs.handover import WorkerInput, parse_worker_input, worker_input

CONFIG = Config(
    paths=HostPaths(root="/host", docker=("/var/lib/docker", "/srv/docker")),
    logs=LogsConfig(state="/state", from_start=False),
)


@pytest.mark.parametrize(
    "destination",
    [
        FileDestination(path="/out.jsonl"),
        FluentdDestination(host="::1", port=1234, tag="a.b"),
        FluentdDestination(server=(ForwardServer("b", weight=2), ForwardServer("c", standby=True))),
        ElasticsearchDestination(urls=("http://a:9200", "http://b:9200"), headers=("A: b",)),
        GraylogDestination(url="udp://[::1]:12201"),
        LokiDestination(tenant="shop", labels=("namespace",)),
        OtlpDestination(bearer_token_file="/run/secrets/token"),
    ],
)
def test_what_the_daemon_says_is_what_the_worker_understands(
    destination: Destination,
) -> None:
    document = worker_input(CONFIG, destination)
    assert b"\n" not in document
    assert parse_worker_input(document) == WorkerInput(CONFIG.paths, "/state", False, destination)


def test_the_file_with_pods_annotations_is_named_where_kubernetes_is_asked() -> None:
    def told(config: Config) -> str:
        return parse_worker_input(worker_input(config, FileDestination())).told_annotations

    asked = replace(CONFIG, kubernetes=KubernetesConfig("kubelet", "https://127.0.0.1:10250"))
    assert told(asked) == "/state/pod-annotations.json"
    assert told(CONFIG) == ""
    assert told(replace(asked, logs=replace(asked.logs, container_rules=False))) == ""


def test_each_destination_has_a_checkpoint_of_its_own() -> None:
    paths = {
        WorkerInput(CONFIG.paths, "/state", True, destination).checkpoint_path
        for destination in (
            FileDestination(path="/a/b"),
            FileDestination(path="/a-b"),
            FluentdDestination(host="a", port=1),
            FluentdDestination(host="a", port=2),
            FluentdDestination(host="a", port=2, tag="other"),
            LokiDestination(),
            LokiDestination(tenant="other"),
            ElasticsearchDestination(),
            ElasticsearchDestination(index="other"),
        )
    }
    assert len(paths) == 9
    assert all(path.startswith("/state/logs-") and path.count("/") == 2 for path in paths)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        worker_input(CONFIG, FileDestination()).replace(b'"file"', b'"carrier pigeon"'),
        worker_input(CONFIG, FluentdDestination()).replace(b"24224", b"0"),
        worker_input(CONFIG, FileDestination()).replace(b'"max_files"', b'"max_flies"'),
    ],
)
def test_anything_else_is_refused_in_words(document: bytes) -> None:
    with pytest.raises(ValueError):
        parse_worker_input(document)


def test_rules_labels_and_host_are_handed_over_without_a_limit_too() -> None:
    rules = (
        LogRule(namespace="shop", multiline=("java",), sample=0.5, max_line=100),
        LogRule(container="web", rate_lines=float("inf"), exclude=("a", "b"), json="flat"),
    )
    logs = LogsConfig(processing=rules, labels=("team",), host="auto", container_rules=False)
    given = parse_worker_input(worker_input(Config(logs=logs), FileDestination()))
    assert given.processing == (rules[0], replace(rules[1], rate_lines=ENDLESS))
    assert (given.labels, given.host, given.container_rules) == (("team",), "auto", False)
