from __future__ import annotations

import errno

import pytest

from agent.bpf import syscall


def test_a_refusal_names_the_command_and_keeps_the_errno() -> None:
    """Seccomp may answer EPERM before the kernel looks at the descriptor, which is no map's."""
    with open("/dev/null", "rb") as file:
        with pytest.raises(OSError, match="BPF_OBJ_GET_INFO_BY_FD: ") as caught:
            syscall.map_info(file.fileno())
        assert caught.value.errno in (errno.EINVAL, errno.EPERM)
        with pytest.raises(OSError, match="BPF_MAP_LOOKUP_BATCH: "):
            next(syscall.batches(file.fileno(), 16, 8))
        with pytest.raises(OSError, match="BPF_RAW_TRACEPOINT_OPEN: "):
            syscall.attach_raw_tracepoint(file.fileno(), "mark_victim")


def test_a_machine_whose_number_is_not_known_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    with pytest.raises(OSError, match="no known number on pdp11"):
        syscall.map_info(0)
