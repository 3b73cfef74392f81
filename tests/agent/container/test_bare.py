from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from agent.container.bare import States, describe, parse_crun, parse_runc
from agent.container.oci import parse_bundle
from agent.container.statefile import UnreadableState
from tests.agent.container.tree import Tree, captured, oci

RUNC = orjson.loads(captured("runc-state.json"))
CRUN = orjson.loads(captured("crun-status.json"))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_runcs_captured_state_is_read() -> None:
    state = parse_runc(RUNC, "dir")
    assert (state.runtime, state.id, state.pid) == ("runc", "bare-runc", 23342)
    assert state.bundle == "/srv/runtime-fixtures0/bundle"
    assert state.owns("/bare-runc")
    assert state.owns("/process_api/e8a6339817022ded3e10f9352d0ad42e/bare-runc")
    assert not state.owns("/bare-runc/sub")
    assert not state.owns("/user.slice/bare-runc")


def test_cruns_captured_status_is_read() -> None:
    state = parse_crun(CRUN, "bare-crun")
    assert (state.runtime, state.id, state.pid) == ("crun", "bare-crun", 23613)
    assert state.bundle == "/srv/runtime-fixtures0/bundle"
    assert state.owns("/bare-crun")
    assert not state.owns("/other")


def test_cruns_own_cgroup_inside_the_scope_is_left_out() -> None:
    state = parse_crun({"cgroup-path": "/system.slice/crun-web.scope/container"}, "web")
    assert state.owns("/system.slice/crun-web.scope")


def test_a_state_that_names_no_cgroup_owns_none() -> None:
    assert not parse_crun({}, "x").owns("/x")
    assert not parse_runc({}, "x").owns("/x")


def test_the_id_is_the_name_and_the_annotations_are_the_labels() -> None:
    bundle = parse_bundle(oci({"app": "web"}), "x")
    container = describe(parse_crun(CRUN, "bare-crun"), bundle)
    assert (container.runtime, container.source) == ("crun", "crun")
    assert (container.name, container.labels) == ("bare-crun", {"app": "web"})
    assert container.complete


def test_a_container_is_found_by_its_cgroups_name(tree: Tree) -> None:
    tree.write("/run/runc/bare-runc/state.json", captured("runc-state.json"))
    tree.write("/run/crun/bare-crun/status", captured("crun-status.json"))
    states = States(str(tree.at("/run")))
    for path in ("/bare-runc", "/bare-crun"):
        state = states.find(path)
        assert state is not None
        assert f"/{state.id}" == path
    assert states.find("/other") is None


def test_a_container_in_a_cgroup_of_another_name_is_found(tree: Tree) -> None:
    status = orjson.dumps({**CRUN, "cgroup-path": "/mine/web"})
    tree.write("/run/crun/bare-crun/status", status)
    state = States(str(tree.at("/run"))).find("/mine/web")
    assert state is not None
    assert state.id == "bare-crun"


def test_a_systemd_scope_is_found_by_the_id_in_it(tree: Tree) -> None:
    path = "/system.slice/runc-web.scope"
    state = {"id": "web", "cgroup_paths": {"": f"/sys/fs/cgroup{path}"}}
    tree.write("/run/runc/web/state.json", orjson.dumps(state))
    found = States(str(tree.at("/run"))).find(path)
    assert found is not None
    assert found.id == "web"


def test_a_broken_state_names_the_file(tree: Tree) -> None:
    tree.write("/run/runc/web/state.json", "{")
    with pytest.raises(UnreadableState, match=r"/run/runc/web/state\.json: not JSON"):
        States(str(tree.at("/run"))).find("/web")
