"""Texts by Documentation/admin-guide/cgroup-v2.rst."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.rdma import Resource, parse_misc, parse_rdma
from agent.kernelfile import UNLIMITED, UnexpectedText


def test_each_resource_of_each_device_is_one() -> None:
    text = "mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=3 hca_object=max\n"
    assert parse_rdma(text) == (
        Resource("mlx4_0", "hca_handle", 2),
        Resource("mlx4_0", "hca_object", 2000),
        Resource("ocrdma1", "hca_handle", 3),
        Resource("ocrdma1", "hca_object", UNLIMITED),
    )


def test_miscellaneous_resources_belong_to_the_host_itself() -> None:
    assert parse_misc("sev 3\nsev_es max\n") == (
        Resource("", "sev", 3),
        Resource("", "sev_es", UNLIMITED),
    )
    assert parse_misc("") == ()


@pytest.mark.parametrize("text", ["mlx4_0 hca_handle\n", "mlx4_0 =2\n", "mlx4_0 hca_handle=x\n"])
def test_a_damaged_line_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_rdma(text)


@given(st.text() | st.text("abc=01 max\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_rdma, parse_misc):
        try:
            parse(text)
        except UnexpectedText:
            continue
