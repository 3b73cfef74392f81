"""exporters/fluentd/sender.py"""

from __future__ import annotations

import inspect
import socket

import pytest
from fluent.sender import FluentSender

from exporters.fluentd.sender import USED_NAMES, PackedForwardSender


def test_fluent_logger_has_the_private_names_this_builds_on() -> None:
    sender = FluentSender("tag")
    missing = [name for name in USED_NAMES if not hasattr(sender, name)]
    assert missing == []
    for name in ("tag", "host", "port", "timeout", "socket"):
        assert hasattr(sender, name)
    assert "self._reconnect()" in inspect.getsource(FluentSender._send_data)
    assert "self._send_data" in inspect.getsource(FluentSender._send_internal)


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_it_connects_to_either_family_and_gives_connections_away(
    family: socket.AddressFamily, host: str
) -> None:
    try:
        listener = socket.create_server((host, 0), family=family)
    except OSError as error:
        pytest.skip(f"no {family.name} here: {error}")
    with listener:
        sender = PackedForwardSender("tag", host=host, port=listener.getsockname()[1], timeout=5)
        first = sender.connect()
        assert sender.connect() is first
        assert first.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert first.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sender.detach() is first
        second = sender.detach()
        assert second is not first
        sender.close()
        assert first.fileno() != -1, "it is the caller's"
        first.close()
        second.close()


def test_a_server_that_is_not_there_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        PackedForwardSender("tag", host="127.0.0.1", port=port, timeout=1).connect()


def test_emit_sends_and_leaves_the_servers_answer_unread() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = PackedForwardSender("tag", host="127.0.0.1", port=listener.getsockname()[1])
        sender.connect()
        peer, _address = listener.accept()
        with peer:
            peer.sendall(b"ack")
            assert sender.emit("label", {"a": "b"})
            assert peer.recv(100)[:1] == b"\x93"
            assert sender.socket is not None
            assert sender.socket.recv(100) == b"ack"
        sender.close()
