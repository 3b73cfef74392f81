"""agent.container.told_annotations: from who asks Kubernetes to those who read logs."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.container import Container
from agent.container.failures import Failures
from agent.container.log_source import LogSource
from agent.container.told import ToldPod
from agent.container.told_annotations import AnnotationsTeller, ToldAnnotations

LEVEL = {"container-agent.logs/level": "on"}
REDACT = {"container-agent.logs/redact": "all"}


def pod(uid: str, asked: dict[str, str]) -> ToldPod:
    return ToldPod(source="kubelet", name="web", namespace="a", uid=uid, log_annotations=asked)


def source(uid: str, asked: dict[str, str] | None = None) -> LogSource:
    container = Container(runtime="containerd", id=uid, pod_uid=uid, log_annotations=asked or {})
    return LogSource(f"/var/log/{uid}.log", "cri", container)


def asked(told: ToldAnnotations, *sources: LogSource) -> list[dict[str, str]]:
    found = told.over(sources)
    return [dict(found[one.path].container.log_annotations) for one in sources]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state/pod-annotations.json")


def test_what_kubernetes_says_stands_and_the_rest_is_the_runtimes(path: str) -> None:
    teller, told = AnnotationsTeller(path), ToldAnnotations(path, Failures())
    one, other, unknown = source("one"), source("other", LEVEL), source("unknown", LEVEL)
    assert asked(told, one, other, unknown) == [{}, LEVEL, LEVEL], "nobody has told anything yet"
    teller.tell([pod("one", REDACT), pod("other", {})])
    assert asked(told, one, other, unknown) == [REDACT, {}, LEVEL]


def test_a_source_is_the_same_object_while_nothing_changes(path: str) -> None:
    teller, told = AnnotationsTeller(path), ToldAnnotations(path, Failures())
    one, plain = source("one"), LogSource("/a.log", "plain", Container(runtime="file", id=""))
    teller.tell([pod("one", REDACT)])
    first = told.over([one, plain])
    assert first[plain.path] is plain
    second = told.over([one, plain])
    assert second[one.path] is first[one.path]
    teller.tell([pod("one", LEVEL)])
    third = told.over([one, plain])
    assert third[one.path].container.log_annotations == LEVEL
    assert third[plain.path] is plain


def test_the_file_is_written_for_news_alone(path: str) -> None:
    teller = AnnotationsTeller(path)
    teller.tell([pod("one", REDACT)])
    Path(path).unlink()
    teller.tell([pod("one", dict(REDACT))])
    assert not Path(path).exists()
    teller.tell([])
    assert orjson.loads(Path(path).read_bytes()) == {}


def test_a_file_that_cannot_be_written_is_counted_and_tried_again(path: str) -> None:
    directory = Path(path).parent
    directory.write_text("a file where the directory should be")
    teller = AnnotationsTeller(path)
    teller.tell([pod("one", REDACT)])
    assert teller.failures == 1
    directory.unlink()
    teller.tell([pod("one", REDACT)])
    assert teller.failures == 1
    assert asked(ToldAnnotations(path, Failures()), source("one")) == [REDACT]


@pytest.mark.parametrize("damage", [b"{", b"[]"])
def test_a_damaged_file_is_said_and_what_was_known_stays(path: str, damage: bytes) -> None:
    failures = Failures()
    told = ToldAnnotations(path, failures)
    AnnotationsTeller(path).tell([pod("one", REDACT)])
    assert asked(told, source("one")) == [REDACT]
    Path(path).write_bytes(damage)
    assert asked(told, source("one")) == [REDACT]
    assert len(failures.messages()) == 1
    AnnotationsTeller(path).tell([pod("one", LEVEL)])
    assert asked(told, source("one")) == [LEVEL]
    assert failures.messages() == ()


@pytest.mark.parametrize(
    "value", [None, "text", [], {"other/name": "x"}, {"container-agent.logs/x": 1}]
)
def test_what_is_no_annotation_in_it_is_left_out(path: str, value: object) -> None:
    Path(path).parent.mkdir()
    Path(path).write_bytes(orjson.dumps({"one": value}))
    assert asked(ToldAnnotations(path, Failures()), source("one")) == [{}]


@given(st.binary(max_size=200))
def test_whatever_is_in_the_file_is_read_or_told(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("told") / "pod-annotations.json"
    path.write_bytes(data)
    failures = Failures()
    assert asked(ToldAnnotations(str(path), failures), source("one", LEVEL)) == [LEVEL]
