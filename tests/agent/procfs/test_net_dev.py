from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import UnexpectedText
from agent.procfs.net_dev import NetDev, parse_net_dev

HEADING = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
"""  # noqa: E501 as the kernel writes it
ETH0 = "  eth0: 1803142192   55144    1    2    3     4          5         6  2807635   27176    7    8    9    10      11         12\n"  # noqa: E501
ETH0_DEV = NetDev("eth0", 1803142192, 55144, 1, 2, 2807635, 27176, 7, 8)


def test_each_interface_has_its_counters() -> None:
    lo = ETH0.replace("  eth0", "    lo")
    assert parse_net_dev(HEADING + lo + ETH0) == (ETH0_DEV._replace(interface="lo"), ETH0_DEV)


def test_a_namespace_without_interfaces_has_none() -> None:
    assert parse_net_dev(HEADING) == ()


def test_a_large_first_number_may_touch_the_name() -> None:
    assert parse_net_dev(HEADING + ETH0.replace("eth0: ", "eth0:")) == (ETH0_DEV,)


@pytest.mark.parametrize("name", ["eth0:1", "a\u2028b", "a\x1cb", "x|y", "veth\udcff"])
def test_an_interface_may_have_a_strange_name(name: str) -> None:
    (device,) = parse_net_dev(HEADING + ETH0.replace("eth0", name))
    assert device == ETH0_DEV._replace(interface=name)


@pytest.mark.parametrize("line", ["eth0 1 2", "eth0: 1 2 3", "eth0: 1 2 3 4 5 6 7 8 9 10 11 x"])
def test_a_damaged_line_is_refused_and_quoted(line: str) -> None:
    with pytest.raises(UnexpectedText) as caught:
        parse_net_dev(f"{HEADING}{line}\n")
    assert caught.value.text == line


@given(st.text() | st.text("eth: 0123\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for table in (text, HEADING + text):
        try:
            parse_net_dev(table)
        except UnexpectedText:
            continue
