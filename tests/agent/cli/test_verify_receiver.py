"""agent/cli/verify_receiver.py"""

from __future__ import annotations

import socket

import msgpack

from agent.cli.verify_receiver import Tally, VerifyReceiver


def test_a_tally_tells_lost_repeated_and_reordered_apart() -> None:
    tally = Tally(6)
    for number in (0, 1, 3, 2, 3, 5):
        tally.take(number)
    assert tally.lost == [4]
    assert tally.duplicated == 1
    assert tally.reordered == 1
    assert tally.received == 5


def message(chunk: str, *logs: str) -> bytes:
    entries = b"".join(
        msgpack.packb([msgpack.ExtType(0, bytes(8)), {"log": log, "stream": "stdout"}])
        for log in logs
    )
    packed: bytes = msgpack.packb(["tag", entries, {"chunk": chunk, "size": len(logs)}])
    return packed


def test_its_own_lines_are_counted_and_every_chunk_is_acknowledged() -> None:
    with (
        VerifyReceiver("agent-verify ab", 3) as receiver,
        socket.create_connection(("127.0.0.1", receiver.port)) as connection,
    ):
        acks = msgpack.Unpacker()
        connection.sendall(
            message("one", "agent-verify ab 0", "somebody else's 1", "agent-verify cd 2")
        )
        connection.sendall(message("two", "agent-verify ab 2", "agent-verify ab x"))
        got: list[str] = []
        while len(got) < 2:
            acks.feed(connection.recv(4096))
            got += [ack["ack"] for ack in acks]
        assert got == ["one", "two"]
    assert receiver.tally.lost == [1]
    assert receiver.problem == ""


def test_a_message_that_is_none_is_told() -> None:
    with (
        VerifyReceiver("p", 1) as receiver,
        socket.create_connection(("127.0.0.1", receiver.port)) as connection,
    ):
        connection.sendall(msgpack.packb([1, 2]))
        assert connection.recv(1) == b"", "the connection is closed"
    assert "ValueError" in receiver.problem
