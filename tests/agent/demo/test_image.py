"""The demo's image."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.demo.image import (
    NoBusybox,
    applets,
    archive,
    find_busybox,
    image_id,
    is_static,
    unpack,
)

try:
    BUSYBOX = find_busybox()
except NoBusybox as error:
    pytest.skip(str(error), allow_module_level=True)


def test_the_same_busybox_gives_the_same_image() -> None:
    assert archive(BUSYBOX, "localhost/x:1") == archive(BUSYBOX, "localhost/x:1")


def test_the_archive_names_its_config_layer_and_tag() -> None:
    data = archive(BUSYBOX, "localhost/x:1", {"a": "b"})
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = {name: _content(tar, name) for name in tar.getnames()}
    (manifest,) = json.loads(members["manifest.json"])
    assert manifest["RepoTags"] == ["localhost/x:1"]
    assert manifest["Config"] == f"{image_id(data).removeprefix('sha256:')}.json"
    assert json.loads(members[manifest["Config"]])["config"]["Labels"] == {"a": "b"}
    with tarfile.open(fileobj=io.BytesIO(members["layer.tar"])) as layer:
        assert layer.getmember("bin/busybox").mode == 0o755
        assert layer.getmember("bin/sh").linkname == "busybox"
        assert layer.getmember("tmp").mode == 0o1777


def test_the_tree_is_unpacked_with_a_shell_that_runs(tmp_path: Path) -> None:
    unpack(BUSYBOX, tmp_path / "rootfs")
    shell = tmp_path / "rootfs/bin/sh"
    said = subprocess.run([shell, "-c", "echo $((6*7))"], capture_output=True, check=True).stdout
    assert said == b"42\n"
    assert {"awk", "dd", "sleep"} <= set(applets(BUSYBOX))


def test_a_dynamic_busybox_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter = Path(sys.executable).resolve()
    if is_static(interpreter):
        pytest.skip("this Python is static, so it is no example of a dynamic program")
    copy = tmp_path / "busybox"
    shutil.copyfile(interpreter, copy)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NoBusybox, match=f"{copy} is dynamically linked.*apt install"):
        find_busybox([str(copy)])


def test_without_busybox_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NoBusybox, match=r"not installed.*apt install busybox-static"):
        find_busybox(["/nonexistent/busybox"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tail=st.binary(max_size=200), elf=st.booleans())
def test_any_bytes_are_static_or_not(tmp_path: Path, tail: bytes, elf: bool) -> None:
    file = tmp_path / "file"
    file.write_bytes((b"\x7fELF" if elf else b"#!/b") + tail)
    if not elf:
        assert not is_static(file)
    assert is_static(file) in (True, False)


def test_a_file_cut_in_its_headers_is_not_static(tmp_path: Path) -> None:
    whole = BUSYBOX.read_bytes()
    assert is_static(BUSYBOX)
    for length in (4, 40, 63, 100):
        (tmp_path / "cut").write_bytes(whole[:length])
        assert not is_static(tmp_path / "cut")


def _content(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()
