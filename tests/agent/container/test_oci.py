from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.oci import Bundle, parse_bundle, read_bundle
from agent.container.statefile import UnreadableState

FIXTURES = Path(__file__).parents[2] / "fixtures" / "runtimes"


def _captured(name: str) -> Bundle:
    return parse_bundle((FIXTURES / f"{name}-oci-config.json").read_bytes(), name)


def test_a_cri_containers_annotations_are_read() -> None:
    bundle = _captured("cri-containerd21-container")
    assert bundle.annotations["io.kubernetes.cri.container-name"] == "app"
    assert bundle.annotations["io.kubernetes.cri.image-name"] == "research.local/busybox:1.35"
    assert bundle.root == "rootfs"
    assert bundle.args[:2] == ("sh", "-c")
    assert bundle.cgroup_name.startswith("ed4264cf4dd354c5")


def test_dockers_bundle_has_mounts_and_no_annotations() -> None:
    bundle = _captured("docker")
    assert bundle.annotations == {}
    assert bundle.hostname == "vm"
    assert ("/srv/app-data", "/data") in bundle.mounts


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/default/ctr-test", "ctr-test"),
        ("system.slice:cri-containerd:ed42", "cri-containerd-ed42.scope"),
        ("machine.slice:libpod:x", "libpod-x.scope"),
        (":runc:web", "runc-web.scope"),
        ("-.slice:a:b.slice", "b.slice"),
        ("", ""),
        ("/", ""),
    ],
)
def test_the_cgroups_last_segment_follows_the_driver(path: str, name: str) -> None:
    data = orjson.dumps({"linux": {"cgroupsPath": path}})
    assert parse_bundle(data, "x").cgroup_name == name


def test_an_absent_bundle_is_none(tmp_path: Path) -> None:
    assert read_bundle(f"{tmp_path}/gone") is None


def test_a_torn_config_names_the_file(tmp_path: Path) -> None:
    whole = (FIXTURES / "docker-oci-config.json").read_bytes()
    (tmp_path / "config.json").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableState, match=f"{tmp_path}/config.json: not JSON"):
        read_bundle(str(tmp_path))


@given(st.binary())
def test_any_bytes_give_a_bundle_or_an_error_that_names_the_file(data: bytes) -> None:
    try:
        found: Bundle | str = parse_bundle(data, "/b/config.json")
    except UnreadableState as error:
        found = str(error)
    assert isinstance(found, Bundle) or found.startswith("/b/config.json: ")


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["annotations", "root", "mounts", "hostname", "process", "linux"]),
        _json | st.dictionaries(st.sampled_from(["path", "args", "cgroupsPath"]), _json),
    )
)
def test_any_json_object_gives_a_bundle(value: dict[str, object]) -> None:
    bundle = parse_bundle(orjson.dumps(value), "x")
    assert isinstance(bundle.hostname, str)
    assert all(isinstance(arg, str) for arg in bundle.args)
    assert "/" not in bundle.cgroup_name or ":" in bundle.cgroups_path
