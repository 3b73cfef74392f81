from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.statefile import UnreadableState
from agent.security.capabilities import DEFAULT
from agent.security.spec import Spec, SpecMount, parse_spec
from tests.agent.security.samples import captured


def test_a_docker_bundle_says_what_the_container_may() -> None:
    found = parse_spec(captured("docker"), "config.json")
    assert found.args == ("sh", "-c", "echo hi; sleep 3600")
    assert found.env_names == ("PATH", "HOSTNAME", "FOO")
    assert found.bounding == found.effective == DEFAULT
    assert found.seccomp == "SCMP_ACT_ERRNO"
    assert found.read_only
    assert found.namespaces["network"] == "/var/run/docker/netns/default"
    assert found.namespaces["pid"] == ""
    assert "user" not in found.namespaces
    assert not found.no_new_privileges
    assert not found.all_devices
    assert SpecMount("/srv/app-data", "/data", "bind", ("rbind", "ro", "rprivate")) in found.mounts


@pytest.mark.parametrize(
    ("runtime", "no_new_privileges", "seccomp"),
    [
        ("ctr", True, ""),
        ("podman", False, "SCMP_ACT_ERRNO"),
        ("cri-containerd21-sandbox", True, "SCMP_ACT_ERRNO"),
    ],
)
def test_runtimes_differ_in_what_they_declare(
    runtime: str, no_new_privileges: bool, seccomp: str
) -> None:
    found = parse_spec(captured(runtime), runtime)
    assert found.no_new_privileges is no_new_privileges
    assert found.seccomp == seccomp
    assert found.masked_paths


@pytest.mark.parametrize(
    ("rule", "everything"),
    [
        ({"allow": True, "access": "rwm"}, True),
        ({"allow": True, "type": "a", "access": "rwm", "major": -1, "minor": -1}, True),
        ({"allow": True, "type": "c", "access": "rwm"}, False),
        ({"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}, False),
        ({"allow": False, "access": "rwm"}, False),
        ({"allow": True, "access": "m"}, False),
    ],
)
def test_all_devices_are_allowed_by_one_rule_alone(
    rule: dict[str, object], everything: bool
) -> None:
    data = orjson.dumps({"linux": {"resources": {"devices": [rule]}}})
    assert parse_spec(data, "x").all_devices is everything


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["process", "root", "mounts", "linux", "annotations"]),
        _json
        | st.dictionaries(
            st.sampled_from(["user", "args", "env", "capabilities", "namespaces", "devices"]), _json
        ),
    )
)
def test_any_json_object_gives_a_spec(value: dict[str, object]) -> None:
    found = parse_spec(orjson.dumps(value), "x")
    assert all("=" not in name for name in found.env_names)


@given(st.binary())
def test_any_bytes_give_a_spec_or_an_error_that_names_the_file(data: bytes) -> None:
    try:
        found: Spec | str = parse_spec(data, "/b/config.json")
    except UnreadableState as error:
        found = str(error)
    assert isinstance(found, Spec) or found.startswith("/b/config.json: ")
