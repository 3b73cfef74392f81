"""Texts by Documentation/admin-guide/cgroup-v2.rst: no captured host has a driver that uses it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.dmem import Region, parse_dmem, parse_dmem_limits
from agent.kernelfile import UNLIMITED, UnexpectedText


def test_each_region_of_a_device_has_its_own_line() -> None:
    text = "drm/0000:03:00.0/vram0 12550144\ndrm/0000:03:00.0/stolen 8650752\n"
    assert parse_dmem(text) == (
        Region("drm/0000:03:00.0/vram0", 12550144),
        Region("drm/0000:03:00.0/stolen", 8650752),
    )


def test_a_region_without_a_limit_is_unlimited() -> None:
    assert parse_dmem_limits("drm/0000:03:00.0/vram0 1073741824\ndrm/a/stolen max\n") == (
        Region("drm/0000:03:00.0/vram0", 1073741824),
        Region("drm/a/stolen", UNLIMITED),
    )


def test_a_host_without_regions_has_an_empty_file() -> None:
    assert parse_dmem("") == ()


@pytest.mark.parametrize("text", ["drm/a/vram0\n", "drm/a/vram0 x\n", "drm/a/vram0 max\n"])
def test_usage_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_dmem(text)


@given(st.text() | st.text("drm/0 max\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_dmem, parse_dmem_limits):
        try:
            parse(text)
        except UnexpectedText:
            continue
