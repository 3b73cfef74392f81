from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf import bcc_child
from agent.bpf.bcc_child import (
    ProgramPlan,
    Refused,
    first_argument,
    has_field,
    kernel_types,
    missing_helpers,
    parse_layouts,
    portable,
    size_checks,
    with_byte_enums,
    with_headers,
    write_kernel_tree,
    wrong_argument,
)

# As bpftool writes it.
VMLINUX_H = """\
struct signal_struct {
\trefcount_t sigcnt;
\tint group_exit_code;
\tint notify_count;
\tstruct task_struct *group_exec_task;
\tunsigned int flags;
\tunion {
\t\tint nested;
\t};
};

struct signal_struct_ext {
\tint other;
};

typedef void (*btf_trace_sched_process_exit)(void *, struct task_struct *, bool);
typedef void (*btf_trace_mark_victim)(void *, int);
typedef void (*btf_trace_mark_victims)(void *, struct task_struct *);
"""


def program(tracepoint: str, first: str) -> ProgramPlan:
    return {
        "name": "on_it",
        "kind": "tracepoint",
        "tracepoint": tracepoint,
        "first_argument": first,
    }


@pytest.mark.parametrize(
    ("owner", "field", "there"),
    [
        ("signal_struct", "group_exec_task", True),
        ("signal_struct", "nested", True),
        ("signal_struct", "group_exit_task", False),
        ("signal_struct", "group", False),
        ("signal_struct", "other", False),
        ("signal", "flags", False),
    ],
)
def test_a_field_is_found_in_its_own_struct_alone(owner: str, field: str, there: bool) -> None:
    assert has_field(VMLINUX_H, owner, field) is there


def test_what_a_tracepoint_passes_first_is_read_from_the_kernels_types() -> None:
    assert first_argument(VMLINUX_H, "sched_process_exit") == "struct task_struct *"
    assert first_argument(VMLINUX_H, "mark_victim") == "int"
    assert first_argument(VMLINUX_H, "sched_process_exec") == ""


def test_a_program_whose_tracepoint_passes_something_else_is_refused() -> None:
    task = "struct task_struct *"
    assert wrong_argument(VMLINUX_H, program("sched_process_exit", task)) == ""
    assert wrong_argument(VMLINUX_H, program("sched_process_exec", "")) == ""
    assert wrong_argument(VMLINUX_H, program("mark_victim", task)) == (
        "tracepoint mark_victim passes int here, not struct task_struct *"
    )
    assert "do not say" in wrong_argument(VMLINUX_H, program("sched_process_exec", task))


def test_helpers_newer_than_the_kernel_are_found_and_macros_are_not() -> None:
    """As in helpers.h of bcc 0.26 on kernel 6.1."""
    library = (
        b"\0ELF\xff(void *) BPF_FUNC_map_lookup_elem;\n  (void *)BPF_FUNC_cgrp_storage_get;\n"
        b"#define __BPF_FUNC_MAPPER(FN)\n__BPF_ENUM_FN(x) BPF_FUNC_ ## x,"
    )
    types = "enum bpf_func_id {\n\tBPF_FUNC_unspec = 0,\n\tBPF_FUNC_map_lookup_elem = 1,\n};\n"
    assert missing_helpers(library, types) == ["BPF_FUNC_cgrp_storage_get"]


def test_the_kernel_tree_has_the_types_and_empty_headers(tmp_path: Path) -> None:
    write_kernel_tree(str(tmp_path), "struct a;\n")
    assert (tmp_path / "include/vmlinux.h").read_text() == "struct a;\n"
    assert (tmp_path / "include/linux/kconfig.h").read_text().endswith("#include <vmlinux.h>\n")
    assert (tmp_path / "include/uapi/linux/bpf.h").read_text() == ""


def test_a_bpftool_that_fails_is_quoted(tmp_path: Path) -> None:
    tool = tmp_path / "bpftool"
    tool.write_text("#!/bin/sh\necho 'no BTF today' >&2\nexit 3\n")
    tool.chmod(0o755)
    with pytest.raises(Refused, match="code 3 and said no BTF today"):
        kernel_types(str(tool))
    tool.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(Refused, match="code 0 and said nothing"):
        kernel_types(str(tool))
    with pytest.raises(Refused, match="No such file"):
        kernel_types(str(tmp_path / "none"))


def test_the_child_imports_nothing_of_the_agent() -> None:
    """It may run under a Python that does not have the agent."""
    assert "agent" not in {
        word.split(".")[0]
        for line in Path(bcc_child.__file__).read_text().splitlines()
        if line.strip().startswith(("import ", "from "))
        for word in line.split()[1:2]
    }


def btf(*types: bytes, strings: bytes) -> bytes:
    """BTF with these types, numbered from 1."""
    body = b"".join(types)
    return struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body), len(strings)) + (
        body + strings
    )


STRINGS = b"\0bio\0rw_hint\0small_t\0"


def test_structs_and_the_enums_of_one_byte_are_found_in_btf() -> None:
    head = struct.Struct("=III").pack
    found = parse_layouts(
        btf(
            head(1, 4 << 24 | 1, 120) + bytes(12),  # struct bio of one member
            head(5, 6 << 24 | 2, 1) + bytes(16),  # enum rw_hint of one byte
            head(0, 6 << 24 | 1, 1) + bytes(8),  # an enum without a name
            head(13, 8 << 24, 3),  # typedef small_t of it
            head(0, 6 << 24, 4),
            strings=STRINGS,
        )
    )
    assert found.byte_enums == {"rw_hint", "small_t"}
    assert found.sizes == {"bio": 120}


@given(st.binary())
def test_other_bytes_are_not_taken_for_btf(data: bytes) -> None:
    with pytest.raises(Refused):
        parse_layouts(data)


@given(st.integers(0, 200))
def test_btf_that_is_cut_off_is_refused_or_has_fewer_types(at: int) -> None:
    whole = btf(struct.pack("=III", 1, 4 << 24 | 1, 120) + bytes(12), strings=STRINGS)
    try:
        parse_layouts(whole[:at])
    except Refused:
        return
    assert at >= len(whole) - len(STRINGS)


def test_enums_of_one_byte_get_the_attribute_bpftool_left_out() -> None:
    types = (
        "enum rw_hint {\n\tA = 0,\n};\n\nenum other {\n\tB = 0,\n};\n\n"
        "typedef enum {\n\tC = 0,\n} small_t;\n"
    )
    assert with_byte_enums(types, {"rw_hint", "small_t"}) == (
        "enum rw_hint {\n\tA = 0,\n} __attribute__((mode(byte)));\n\nenum other {\n\tB = 0,\n};\n\n"
        "typedef enum {\n\tC = 0,\n} __attribute__((mode(byte))) small_t;\n"
    )
    written = "enum rw_hint {\n\tA = 0,\n} __attribute__((mode(byte)));\n"
    assert with_byte_enums(written, {"rw_hint"}) == written


def test_a_struct_of_another_size_does_not_compile() -> None:
    source = "struct bio *bio; struct request *request; struct mine *mine; struct bio own;"
    assert size_checks(source, {"bio": 120, "request": 9, "unused": 3}) == (
        '_Static_assert(sizeof(struct bio) == 120, "layout of struct bio");\n'
        '_Static_assert(sizeof(struct request) == 9, "layout of struct request");\n'
    )


def test_a_source_for_both_loaders_becomes_what_bcc_can_rewrite() -> None:
    source = """
HASH(counts, struct key___old, __u64, MOST);
MAPPED(slots, struct slot, SLOTS);
\tseen = LOOKUP(counts, &key);
\tif (!INSERT(counts, &key, &one)) DELETE(begun, &key);
\treturn OPTIONAL(signal_struct, signal, group_exec_task, 0) +
\t       OPTIONAL(signal_struct___old, signal, group_exit_task, 7) +
\t       HAS(signal_struct, flags) + HAS(signal_struct___old, none);
"""
    assert (
        portable(source, VMLINUX_H, {"slots": 4096})
        == """
HASH(counts, struct key, __u64, MOST);
MAPPED(slots, struct slot, 4096);
\tseen = counts.lookup(&key);
\tif (!counts.insert(&key, &one)) begun.delete(&key);
\treturn READ((struct signal_struct *)signal, group_exec_task) +
\t       7 +
\t       1 + 0;
"""
    )


def test_what_bcc_rewrites_in_headers_is_put_into_the_text_with_its_lines(tmp_path: Path) -> None:
    (tmp_path / "inner.bpf.h").write_text("inner\n")
    (tmp_path / "outer.bpf.h").write_text('#include "inner.bpf.h"\nouter\n')
    source = tmp_path / "probe.bpf.c"
    source.write_text('#include "plain.h"\n#include "outer.bpf.h"\nrest\n')
    assert with_headers(str(source), str(tmp_path)).splitlines() == [
        f'#line 1 "{source}"',
        '#include "plain.h"',
        f'#line 1 "{tmp_path}/outer.bpf.h"',
        f'#line 1 "{tmp_path}/inner.bpf.h"',
        "inner",
        "",
        f'#line 2 "{tmp_path}/outer.bpf.h"',
        "outer",
        "",
        f'#line 3 "{source}"',
        "rest",
    ]
