from __future__ import annotations

from pathlib import Path

import pytest

from agent.bpf import bcc_child
from agent.bpf.bcc_child import (
    ProgramPlan,
    Refused,
    first_argument,
    has_field,
    kernel_types,
    missing_helpers,
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
    ("struct", "field", "there"),
    [
        ("signal_struct", "group_exec_task", True),
        ("signal_struct", "nested", True),
        ("signal_struct", "group_exit_task", False),
        ("signal_struct", "group", False),
        ("signal_struct", "other", False),
        ("signal", "flags", False),
    ],
)
def test_a_field_is_found_in_its_own_struct_alone(struct: str, field: str, there: bool) -> None:
    assert has_field(VMLINUX_H, struct, field) is there


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
