"""A proxy between an agent and a real server: it asks for a password, and loses answers."""

from __future__ import annotations

import base64
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HttpProxy:
    """On a free loopback port, for as long as its context lasts."""

    def __init__(self, target: str, *, login: str = "", lost_answers: int = 0) -> None:
        """target: a URL without a path. login: NAME:PASSWORD; "" asks for none. lost_answers: the
        first so many requests reach the server, and their answers nobody."""
        self.refused = 0
        """Requests without the login."""
        self.lost = 0
        """Answers that reached nobody."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                basic = base64.b64encode(login.encode()).decode()
                if login and self.headers["Authorization"] != f"Basic {basic}":
                    proxy.refused += 1
                    self._answer(401, b"who are you?")
                    return
                status, answer = _forward(f"{target}{self.path}", dict(self.headers), body)
                if proxy.lost < lost_answers:
                    proxy.lost += 1
                    self.close_connection = True
                    return
                self._answer(status, answer)

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> HttpProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _forward(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    del headers["Host"]
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
