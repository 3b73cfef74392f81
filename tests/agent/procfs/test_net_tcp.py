from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import UnexpectedText
from agent.procfs.net_tcp import TcpStates, UdpSockets, parse_tcp_states, parse_udp_sockets

# Linux 6.18.
TCP_HEAD = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode                                                     \n"
)
TCP_LINE = (
    "   {number}: 0100007F:83F9 00000000:0000 {state:02X} 00000000:00000000 00:00000000 00000000"
    "     0        0 7855 1 00000000b2428c6d 100 0 0 10 0                      \n"
)
UDP = (
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode ref pointer drops             \n"
    " 1203: 00000000:14E9 00000000:0000 07 00000000:00000300 00:00000000 00000000   103        0 "
    "8412 2 00000000bb0ff1f5 12        \n"
    " 1204: 0100007F:14EA 0100007F:0035 01 00000010:00000000 00:00000000 00000000   103        0 "
    "8413 2 00000000bb0ff1f6 0         \n"
)


def tcp(*states: int) -> str:
    return TCP_HEAD + "".join(
        TCP_LINE.format(number=number, state=state) for number, state in enumerate(states)
    )


def test_a_socket_is_counted_by_its_state() -> None:
    assert parse_tcp_states(tcp(0x0A, 0x0A, 0x01, 0x06, 0x08)) == TcpStates(
        listen=2, established=1, timewait=1, closewait=1
    )


def test_a_namespace_without_sockets_has_the_heading_alone() -> None:
    assert parse_tcp_states(TCP_HEAD) == TcpStates()
    assert parse_udp_sockets(UDP.partition("\n")[0] + "\n") == UdpSockets()


def test_udp_sockets_without_a_peer_listen_and_queues_and_drops_are_added_up() -> None:
    assert parse_udp_sockets(UDP) == UdpSockets(listen=1, dropped=12, rxqueued=0x300, txqueued=16)


@pytest.mark.parametrize("line", ["   0: 00000000:07E8 00000000:0000\n", "0: a b zz 0:0 0 0 0\n"])
def test_a_torn_line_is_refused(line: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_tcp_states(TCP_HEAD + line)
    with pytest.raises(UnexpectedText):
        parse_udp_sockets(TCP_HEAD + line)


@given(st.lists(st.integers(1, 12)))
def test_each_known_state_is_counted_once(states: list[int]) -> None:
    counted = parse_tcp_states(tcp(*states))
    assert sum(counted) == sum(state <= 11 for state in states)
    assert counted.listen == states.count(0x0A)


@given(st.text() | st.text("0123AF: \n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_tcp_states, parse_udp_sockets):
        try:
            parse(text)
        except UnexpectedText:
            continue
