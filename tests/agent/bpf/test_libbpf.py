from __future__ import annotations

from pathlib import Path

import pytest

from agent.bpf import libbpf, syscall
from agent.bpf.lifecycle import PROGRAMS as LIFECYCLE
from agent.bpf.loaded import LoadFailed

IMAGE = Path(LIFECYCLE.object_path).read_bytes()

needs_libbpf = pytest.mark.skipif(libbpf.version() is None, reason="libbpf.so.1 is not installed")


@needs_libbpf
@pytest.mark.parametrize("image", [b"", b"not an object", b"\x7fELF" + bytes(200), IMAGE[:1000]])
@pytest.mark.usefixtures("no_descriptor_left")
def test_a_damaged_object_is_refused_in_libbpfs_words(
    image: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LoadFailed, match="libbpf: open the object: ") as caught:
        libbpf.load(image, "damaged")
    assert isinstance(caught.value.__cause__, libbpf.LibbpfError)
    assert caught.value.__cause__.errno > 0
    assert capfd.readouterr() == ("", ""), "libbpf's log belongs into the error, not on stderr"


@needs_libbpf
def test_the_log_names_the_object_and_not_an_address() -> None:
    with pytest.raises(LoadFailed, match="damaged"):
        libbpf.load(b"not an object", "damaged")


def test_the_error_names_the_program_blamed_last_and_quotes_the_end_of_the_log() -> None:
    log = ["libbpf: prog 'on_exec': one", *(f"line {i}" for i in range(20)), "libbpf: the end"]
    error = libbpf.LibbpfError("load", 22, log)
    assert error.program == "on_exec"
    assert "Invalid argument" in str(error)
    assert "the end" in str(error)
    assert "line 3 " not in str(error)
    assert libbpf.LibbpfError("load", 1, ["libbpf: map 'counts': no"]).program == ""


@pytest.mark.host
@pytest.mark.usefixtures("libbpf_may_load", "no_descriptor_left")
def test_every_program_is_loaded_and_only_descriptors_remain() -> None:
    loaded = libbpf.load(IMAGE, "lifecycle")
    try:
        assert set(loaded.programs) == {program.name for program in LIFECYCLE.programs}
        assert set(loaded.maps) == set(LIFECYCLE.maps)
        assert loaded.off == {}
        assert all(syscall.program_info(fd).id > 0 for fd in loaded.programs.values())
    finally:
        loaded.close()
    loaded.close()


@pytest.mark.host
@pytest.mark.usefixtures("libbpf_may_load", "no_descriptor_left")
def test_a_program_left_out_is_not_loaded() -> None:
    loaded = libbpf.load(IMAGE, "lifecycle", without=["on_oom"])
    try:
        assert set(loaded.programs) == {"on_exec", "on_exit"}
    finally:
        loaded.close()


@pytest.mark.host
@pytest.mark.usefixtures("libbpf_may_load", "no_descriptor_left")
def test_a_tracepoint_this_kernel_lacks_takes_its_own_program_alone() -> None:
    image = IMAGE.replace(b"tp_btf/mark_victim", b"tp_btf/mark_victiX")
    loaded = libbpf.load(image, "lifecycle")
    try:
        assert set(loaded.programs) == {"on_exec", "on_exit"}
        assert "failed to find kernel BTF type ID of 'mark_victiX'" in loaded.off["on_oom"]
    finally:
        loaded.close()


@pytest.mark.host
@pytest.mark.usefixtures("libbpf_may_load", "no_descriptor_left")
def test_a_field_this_kernel_lacks_takes_those_who_read_it() -> None:
    """The struct that has no such field here is css_set, which on_exec does not look at."""
    image = IMAGE.replace(b"\0dfl_cgrp\0", b"\0dfl_cgrX\0")
    loaded = libbpf.load(image, "lifecycle")
    try:
        assert set(loaded.programs) == {"on_exec"}
        assert set(loaded.off) == {"on_exit", "on_oom"}
        assert all(reason.startswith("load: ") for reason in loaded.off.values())
    finally:
        loaded.close()


@pytest.mark.host
@pytest.mark.usefixtures("libbpf_may_load", "no_descriptor_left")
def test_where_no_program_is_left_each_reason_is_given() -> None:
    image = IMAGE.replace(b"tp_btf/mark_victim", b"tp_btf/mark_victiX")
    with pytest.raises(LoadFailed, match=r"no program runs: on_oom: load: .*mark_victiX") as caught:
        libbpf.load(image, "lifecycle", without=["on_exec", "on_exit"])
    assert set(caught.value.off) == {"on_oom"}
