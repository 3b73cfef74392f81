from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.attach import parse_cgroup2
from agent.bpf.facts import (
    CAP_BPF,
    CAP_SYS_ADMIN,
    Bcc,
    find_bcc,
    gather,
    memory_limit,
    parse_capabilities,
    parse_first_user_namespace,
    parse_lockdown,
)

STATUS = "Name:\tpython\nCapPrm:\t0000000000000000\nCapEff:\t0000008000200000\nCapBnd:\tff\n"
HYBRID = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
V1 = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"


def test_effective_capabilities_are_read_and_no_others() -> None:
    assert parse_capabilities(STATUS) == 1 << CAP_BPF | 1 << CAP_SYS_ADMIN


def test_a_status_without_the_line_means_no_capability() -> None:
    assert parse_capabilities("Name:\tpython\n") == 0


@pytest.mark.parametrize(
    ("kernel", "limit", "told"),
    [
        ("5.10.0-28-amd64", 65536, 65536),
        ("5.10.0-28-amd64", resource.RLIM_INFINITY, None),
        ("5.11.0", 65536, None),
        ("6.1.0-50-cloud-amd64", 0, None),
        ("custom", 65536, None),
    ],
)
def test_locked_memory_limits_old_kernels_alone(kernel: str, limit: int, told: int | None) -> None:
    assert memory_limit(kernel, limit) == told


def test_the_chosen_lockdown_is_the_one_in_brackets() -> None:
    assert parse_lockdown("none [integrity] confidentiality\n") == "integrity"
    assert parse_lockdown("none integrity [confidentiality]\n") == "confidentiality"
    assert parse_lockdown(None) is None


def test_a_hybrid_host_has_cgroup2_and_a_v1_host_has_not() -> None:
    assert parse_cgroup2(HYBRID)
    assert not parse_cgroup2(V1)


def test_the_first_user_namespace_maps_every_id_to_itself() -> None:
    assert parse_first_user_namespace("         0          0 4294967295\n")
    assert not parse_first_user_namespace("         0       1000          1\n")
    assert parse_first_user_namespace(None)


@given(st.text())
def test_no_mount_table_and_no_lockdown_text_is_too_odd(text: str) -> None:
    assert all(isinstance(path, str) for path in parse_cgroup2(text))
    chosen = parse_lockdown(text)
    assert chosen is None or f"[{chosen}]" in text


def make_bcc(
    directory: Path, *, real: bool = True, version: str = "__version__ = '0.26.0'"
) -> None:
    package = directory / "bcc"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    if real:
        (package / "libbcc.py").touch()
        (package / "version.py").write_text(version)


def test_bcc_is_found_where_distributions_put_it(tmp_path: Path) -> None:
    assert find_bcc(str(tmp_path)) is None
    fedora = tmp_path / "python3.12/site-packages"
    make_bcc(fedora)
    assert find_bcc(str(tmp_path)) == Bcc(str(fedora), "0.26.0")
    debian = tmp_path / "python3/dist-packages"
    make_bcc(debian, version='__version__ = "0.31.0"')
    assert find_bcc(str(tmp_path)) == Bcc(str(debian), "0.31.0")


def test_the_other_package_named_bcc_is_not_taken_for_it(tmp_path: Path) -> None:
    make_bcc(tmp_path / "python3/dist-packages", real=False)
    assert find_bcc(str(tmp_path)) is None


def fake_host(root: Path, btf: bytes | None) -> tuple[str, str]:
    proc, sys = root / "proc", root / "sys"
    (proc / "self").mkdir(parents=True)
    (proc / "self/status").write_text(STATUS)
    (proc / "self/mounts").write_text(HYBRID)
    (proc / "self/uid_map").write_text("0 0 4294967295\n")
    (sys / "kernel/btf").mkdir(parents=True)
    (sys / "kernel/security").mkdir()
    (sys / "kernel/security/lockdown").write_text("[none] integrity confidentiality\n")
    if btf is not None:
        (sys / "kernel/btf/vmlinux").write_bytes(btf)
    return str(proc), str(sys)


@pytest.mark.parametrize("before", [0, (1 << 20) - 1, (1 << 20) - 12, (1 << 20) - 22, 1 << 20])
def test_a_tracepoint_is_found_wherever_its_name_lies(tmp_path: Path, before: int) -> None:
    """Also across the border of two reads."""
    btf = b"x" * before + b"\0btf_trace_mark_victim\0btf_trace_mark_victims\0"
    proc, sys = fake_host(tmp_path, btf)
    facts = gather(["mark_victim", "mark", "sched_process_exec"], proc=proc, sys=sys)
    assert facts.btf
    assert facts.tracepoints == {"mark_victim"}


def test_a_host_is_read_as_it_is(tmp_path: Path) -> None:
    proc, sys = fake_host(tmp_path, None)
    make_bcc(tmp_path / "python3/dist-packages")
    facts = gather(["mark_victim"], proc=proc, sys=sys, lib=str(tmp_path))
    assert not facts.btf
    assert facts.tracepoints == frozenset()
    assert facts.cgroup2
    assert facts.first_user_namespace
    assert facts.lockdown == "none"
    assert facts.capabilities == 1 << CAP_BPF | 1 << CAP_SYS_ADMIN
    assert facts.bcc == Bcc(str(tmp_path / "python3/dist-packages"), "0.26.0")
    assert facts.kernel == os.uname().release


def test_an_empty_proc_and_sys_is_no_error(tmp_path: Path) -> None:
    facts = gather(["mark_victim"], proc=str(tmp_path), sys=str(tmp_path), lib=str(tmp_path))
    assert not facts.btf
    assert not facts.cgroup2
    assert facts.capabilities == 0
    assert facts.lockdown is None
    assert facts.bcc is None
