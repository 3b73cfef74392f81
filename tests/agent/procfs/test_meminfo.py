from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import UnexpectedText
from agent.procfs.meminfo import Meminfo, parse_meminfo
from tests.fixtures.host_trees import V2


def test_a_captured_machine_is_read_in_bytes() -> None:
    text = (V2 / "proc/meminfo").read_text()
    meminfo = parse_meminfo(text)
    kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()}
    assert meminfo == Meminfo(
        total=kib["MemTotal"] * 1024,
        free=kib["MemFree"] * 1024,
        available=kib["MemAvailable"] * 1024,
        cached=kib["Cached"] * 1024,
        swap_total=0,
        swap_free=0,
    )
    assert meminfo.total is not None
    assert 900 * 2**20 < meminfo.total < 2**30


def test_a_key_this_kernel_does_not_have_is_none() -> None:
    meminfo = parse_meminfo("MemTotal:       24641032 kB\n")
    assert meminfo.total == 24641032 * 1024
    assert meminfo.available is None


@pytest.mark.parametrize("line", ["MemTotal: 12", "MemTotal: 12 MB", "MemTotal: x kB", "MemFree:"])
def test_a_value_not_in_kb_is_refused_and_quoted(line: str) -> None:
    with pytest.raises(UnexpectedText) as caught:
        parse_meminfo(f"{line}\n")
    assert caught.value.text == line


@given(st.text() | st.text("MemTotal: 12kB\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for line in (text, f"MemTotal:{text}"):
        try:
            parse_meminfo(line)
        except UnexpectedText:
            continue
