from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container, Kind
from agent.container.target import BadTarget, Candidate, Target, find, parse_target

A, B, C = ("a1" + "0" * 62, "a2" + "0" * 62, "b3" + "0" * 62)


def candidate(container: Container, path: str = "") -> Candidate:
    return Candidate(Cgroup(1, path or f"/docker/{container.id}", 0.0), container)


def docker(id_: str, name: str, **labels: str) -> Candidate:
    return candidate(Container(runtime="docker", id=id_, name=name, labels=labels))


def pod(id_: str, container: str, kind: Kind = Kind.CONTAINER) -> Candidate:
    made = Container(
        runtime="containerd" if id_ else "",
        id=id_,
        name=id_,
        kind=kind,
        container=container,
        pod="api",
        namespace="shop",
    )
    return candidate(made, f"/kubepods/pod1/{id_}".rstrip("/"))


POD = [pod("", "", Kind.POD), pod(A, "", Kind.SANDBOX), pod(B, "app"), pod(C, "side")]


def found(text: str, candidates: list[Candidate], proc: str = "/nowhere") -> list[str]:
    return [c.container.id for c in find(parse_target(text), candidates, proc)]


def test_the_start_of_an_id_is_enough_where_one_has_it() -> None:
    hosts = [docker(A, "web"), docker(B, "db"), docker(C, "cache")]
    assert found("b", hosts) == [C]
    assert found("a", hosts) == [A, B]
    assert found("c", hosts) == []
    assert found("ca", hosts) == []


def test_a_name_wins_over_the_start_of_an_id() -> None:
    assert found("a2", [docker(A, "a2"), docker(B, "other")]) == [A]


def test_namespace_and_pod_mean_its_containers_and_not_its_sandbox() -> None:
    assert found("shop/api", POD) == [B, C]
    assert found("shop/api", POD[:3]) == [B]
    assert found("shop/api/side", POD) == [C]
    assert found("shop/api/gone", POD) == []
    assert found("api/app", POD) == []


def test_a_sandbox_is_meant_by_its_id() -> None:
    assert found(A, POD) == [A]
    assert found("shop/api", POD[:2]) == ["", A]


def test_project_and_service_are_those_of_compose() -> None:
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "api"}
    hosts = [docker(A, "shop-api-1", **labels), docker(B, "shop-api-2", **labels), docker(C, "x")]
    assert found("shop/api", hosts) == [A, B]
    assert found("shop/db", hosts) == []


def test_a_podman_pod_has_no_namespace() -> None:
    made = Container(runtime="podman", id=A, name="web", container="web", pod="front")
    assert found("front/web", [candidate(made)]) == [A]


def test_a_cgroup_means_the_innermost_container_around_it() -> None:
    outer = candidate(Container(runtime="docker", id=A, name="node"), f"/docker/{A}")
    inner = candidate(Container(runtime="containerd", id=B), f"/docker/{A}/kubepods/pod1/{B}")
    assert found(f"cgroup:/docker/{A}/kubepods/pod1/{B}/init", [outer, inner]) == [B]
    assert found(f"cgroup:/docker/{A}/system.slice/", [outer, inner]) == [A]
    assert found("cgroup:/docker", [outer, inner]) == []
    assert found(f"cgroup:/docker/{A}0", [outer, inner]) == []


def test_a_pid_means_the_container_it_is_in(tmp_path: Path) -> None:
    (tmp_path / "42").mkdir()
    (tmp_path / "42" / "cgroup").write_text(f"4:memory:/docker/{A}\n0::/docker/{A}/sub\n")
    hosts = [docker(A, "web"), docker(B, "db")]
    assert found("pid:42", hosts, str(tmp_path)) == [A]
    assert found("pid:43", hosts, str(tmp_path)) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write a name"),
        ("a//b", "write a name"),
        ("/a", "write a name"),
        ("a/b/c/d", "write a name"),
        ("pid:", "a pid is a number"),
        ("pid:x", "a pid is a number"),
        ("pid:-1", "a pid is a number"),
        ("pid:0", "a pid is a number"),
        ("pid:٣", "a pid is a number"),
        ("cgroup:docker", "starts with a slash"),
    ],
)
def test_what_is_no_target_is_refused_with_an_example(text: str, says: str) -> None:
    with pytest.raises(BadTarget, match=says):
        parse_target(text)


def test_a_candidate_is_listed_so_that_it_can_be_told_from_the_others() -> None:
    assert str(POD[2]) == f"shop/api/app  {B[:12]}  containerd"
    assert str(POD[1]) == f"shop/api  {A[:12]}  containerd  sandbox"


@given(st.text(max_size=40))
def test_any_text_is_a_target_that_is_written_back_or_refused(text: str) -> None:
    try:
        target = parse_target(text)
    except BadTarget as refused:
        target = None
        reason = str(refused)
    if target is None:
        assert reason.startswith(repr(text))
    else:
        assert parse_target(str(target)) == target


word = st.text(st.characters(exclude_characters="/:", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(word, min_size=1, max_size=3))
def test_words_with_slashes_are_taken_apart_as_written(words: list[str]) -> None:
    target = parse_target("/".join(words))
    assert target.parts == tuple(words)
    assert target.form == ("name" if len(words) == 1 else "path")


@given(st.integers(1, 2**22))
def test_every_pid_is_a_target(pid: int) -> None:
    assert parse_target(f"pid:{pid}") == Target("pid", str(pid))


ids = st.text("0123456789abcdef", min_size=12, max_size=12)


@given(st.sets(ids, min_size=1, max_size=5), st.integers(1, 12), st.data())
def test_the_start_of_an_id_finds_exactly_those_that_begin_so(
    made: set[str], length: int, data: st.DataObject
) -> None:
    start = data.draw(st.sampled_from(sorted(made)))[:length]
    hosts = [docker(id_, f"name-{id_}") for id_ in sorted(made)]
    assert found(start, hosts) == sorted(id_ for id_ in made if id_.startswith(start))
