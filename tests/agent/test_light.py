"""What the metrics process does not load: the largest part of its memory is modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import os
import sys
from agent.cli.main import parser
from agent.cli import settings
from agent.daemon import Daemon
arguments = ["run", "--set", "metrics.listen=127.0.0.1:0", "--set", "probes.enabled=false"]
arguments += ["--set", f"logs.state={sys.argv[1]}"]
config = settings.load_config(parser().parse_args(arguments))
daemon = Daemon(config)
content_type, pieces = daemon._server._pages.metrics("")
assert b"process_resident_memory_bytes" in b"".join(pieces)
print(*sorted(sys.modules), flush=True)
os._exit(0)  # the server waits for requests
"""


def test_a_daemon_without_tls_that_served_a_page_has_not_loaded_what_it_does_not_use(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert {"agent.daemon", "cheroot.server"} <= loaded
    heavy = {"ssl", "_ssl", "_hashlib", "asyncio", "http.client", "http.server", "sqlite3"}
    heavy |= {"psutil", "urllib.request", "wsgiref", "yaml", "bcrypt", "xml"}
    heavy |= {"agent.webpage.site", "agent.top.cells"}
    assert heavy & loaded == set()


@pytest.mark.parametrize("first", ["agent.web.tls", "agent.plain_cheroot"])
def test_tls_can_be_used_whichever_is_imported_first(first: str) -> None:
    script = (
        f"import {first}, agent.plain_cheroot, agent.web.tls, ssl; ssl.create_default_context()"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
