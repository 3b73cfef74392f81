"""A name server for tests: `python3 dns_server.py ADDRESS` answers UDP queries at port 53.

The first label of the name asked for says how: ok, nx (NXDOMAIN), fail (SERVFAIL), slow (`SLOW`
seconds later), twice (two answers), silent (none). Prints "ready" once it can be asked, and ends
with its standard input.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from typing import Final

SLOW: Final = 0.08
_CODES: Final = {b"nx": 3, b"fail": 2}


def answer(query: bytes) -> list[tuple[float, bytes]]:
    """What to send, each with the seconds to wait before."""
    label = query[13 : 13 + query[12]].lower()
    if label == b"silent":
        return []
    # Response, recursion available; the question comes back and no record, whatever was asked.
    flags = bytes([0x81, 0x80 | _CODES.get(label, 0)])
    question = query[12 : query.index(b"\0", 12) + 5]
    response = query[:2] + flags + b"\0\1\0\0\0\0\0\0" + question
    if label == b"twice":
        return [(0.0, response), (0.0, response)]
    return [(SLOW if label == b"slow" else 0.0, response)]


def main(address: str) -> None:
    """Serve until standard input ends."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind((address, 53))
    print("ready", flush=True)

    def serve() -> None:
        while True:
            query, who = server.recvfrom(4096)
            for seconds, response in answer(query):
                time.sleep(seconds)
                server.sendto(response, who)

    threading.Thread(target=serve, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
