"""What the metrics process does not load: the largest part of its memory is modules."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request

import pytest

_RUN = [sys.executable, "-X", "importtime", "-m", "agent", "run"]
_METRICS_ALONE = (
    *("--set", "metrics.listen=127.0.0.1:0", "--set", "probes.enabled=false"),
    *("--set", "logs.enabled=false", "--set", "history.enabled=false"),
)


def test_a_daemon_of_metrics_that_served_a_page_has_not_loaded_what_it_does_not_use() -> None:
    said: list[str] = []
    with subprocess.Popen([*_RUN, *_METRICS_ALONE], stderr=subprocess.PIPE, text=True) as agent:
        assert agent.stderr is not None
        for line in agent.stderr:
            said.append(line)
            if served := re.search(r"http://\S+/metrics", line):
                with urllib.request.urlopen(served[0], timeout=60) as response:
                    assert b"process_resident_memory_bytes" in response.read()
                agent.terminate()
    loaded = {line.rpartition("|")[2].strip() for line in said if line.startswith("import time:")}
    assert {"agent.daemon", "cheroot.server"} <= loaded
    heavy = {"_ssl", "_hashlib", "asyncio", "http.client", "http.server", "sqlite3"}
    heavy |= {"psutil", "urllib.request", "wsgiref", "msgpack", "yaml", "bcrypt", "xml"}
    heavy |= {"importlib.metadata", "zipfile", "email.message", "inspect", "difflib", "subprocess"}
    heavy |= {"more_itertools.more", "jaraco.functools", "gzip", "shutil", "tempfile"}
    heavy |= {"prometheus_client.metrics", "dataclasses", "platform", "uuid"}
    heavy |= {"gettext", "locale", "textwrap", "agent.log_destinations", "agent.bpf.entries"}
    heavy |= {"agent.bpf.libbpf", "agent.bpf.registry", "agent.logs", "agent.cli.top"}
    heavy |= {"agent.history", "agent.webpage.site", "agent.top.cells"}
    assert heavy & loaded == set()


@pytest.mark.parametrize("first", ["agent.web.tls", "agent.plain_cheroot"])
def test_tls_can_be_used_whichever_is_imported_first(first: str) -> None:
    script = (
        f"import {first}, agent.plain_cheroot, agent.web.tls, ssl; ssl.create_default_context()"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_first_table_of_top_does_not_wait_for_what_it_does_not_show() -> None:
    program = (
        "import sys\n"
        "from agent.cli.runtimes import RUNTIMES\n"
        "from agent.lean import defer\n"
        "defer(*RUNTIMES)\n"
        "import agent.cli.top, agent.cli.top_view, agent.cli.top_live, agent.config\n"
        "import agent.sampler, agent.top.live\n"
        "print(*(n for n, m in sys.modules.items() if getattr(m, '__file__', n)))"
    )
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        ).stdout.split()
    )
    assert {"agent.sampler", "agent.top.live"} <= loaded
    heavy = {"dataclasses", "inspect", "orjson", "json", "tomllib", "asyncio", "psutil", "ctypes"}
    heavy |= {"agent.configfile", "agent.log_destinations", "agent.security.facts"}
    heavy |= {"agent.diagnosis.diagnose", "agent.history.reader", "agent.lifecycle.watcher"}
    assert heavy & loaded == set()
