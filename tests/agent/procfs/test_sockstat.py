from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import UnexpectedText
from agent.procfs.sockstat import Sockstat, Sockstat6, parse_sockstat, parse_sockstat6

# Linux 6.18.
SOCKSTAT = """\
sockets: used 31
TCP: inuse 3 orphan 0 tw 2 alloc 3 mem 90
UDP: inuse 1 mem 0
UDPLITE: inuse 0
RAW: inuse 0
FRAG: inuse 0 memory 0
"""
SOCKSTAT6 = (
    "TCP6: inuse 4\nUDP6: inuse 5\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n"
)


def test_the_namespaces_own_numbers_are_taken_and_the_machines_left() -> None:
    assert parse_sockstat(SOCKSTAT) == Sockstat(used=31, tcp_inuse=3, tcp_tw=2, udp_inuse=1)
    assert parse_sockstat6(SOCKSTAT6) == Sockstat6(tcp_inuse=4, udp_inuse=5)


def test_what_is_not_there_is_none_and_not_zero() -> None:
    assert parse_sockstat("sockets: used 3\n") == Sockstat(used=3)
    assert parse_sockstat6("") == Sockstat6()


@pytest.mark.parametrize("text", ["TCP: 3\n", "TCP: inuse\n", "TCP: inuse x\n"])
def test_a_damaged_line_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_sockstat(text)


@given(st.text() | st.text("TCP:6 inuse0123\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_sockstat, parse_sockstat6):
        try:
            parse(text)
        except UnexpectedText:
            continue
