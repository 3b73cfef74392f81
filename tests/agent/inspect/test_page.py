"""agent.inspect: the page and the JSON of containers made from captured files."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container, Kind
from agent.container.declared import Declared
from agent.inspect.details import Details, limits_above
from agent.inspect.document import document
from agent.inspect.page import page
from agent.inspect.text import command
from agent.kernelfile import UNLIMITED
from agent.model import Snapshot
from agent.procfs.credentials import IdRange
from agent.security.facts import Facts, Limits
from agent.security.posture import evaluate
from agent.security.reports.report import ImageReport
from agent.security.reports.report import Kind as Count
from tests.agent.security.samples import (
    CONTAINER,
    ID,
    OWN_INODES,
    Config,
    blind,
    facts,
    process,
    spec,
)
from tests.agent.snapshots import MIB, WALL, sample, snapshot
from tests.golden_file import assert_golden

SCAN = ImageReport(
    "trivy",
    frozenset({CONTAINER.image_id}),
    frozenset(),
    {Count("critical", True): 1, Count("critical", False): 2, Count("low", False): 9},
    WALL - 3 * 86400,
)
WEB = replace(
    CONTAINER,
    started=WALL - 7260,
    attempt=2,
    labels={"app": "shop"},
    log_path=f"/var/lib/docker/containers/{ID}/{ID}-json.log",
    source="docker",
)
POD = Container(
    runtime="containerd",
    id="c" * 64,
    name="c" * 64,
    container="app",
    pod="api",
    namespace="shop",
    pod_uid="599e16b6-1bf2-4203-b769-6055c486c395",
    qos="burstable",
    image="shop/api:latest",
    attempt=0,
    declared=Declared(ports=()),
    started=WALL - 5,
    log_path="/var/log/pods/shop_api_599e16b6/app/0.log",
    source="cri",
)


def reading(memory: int | None, pids: int | None = None) -> CgroupReading:
    return CgroupReading(
        memory_max=UNLIMITED if memory is None else memory,
        memory_swap_max=UNLIMITED,
        cpu_max=CpuMax(50_000 if pids else UNLIMITED, 100_000),
        pids_max=UNLIMITED if pids is None else pids,
    )


def details(of: Facts, path: str, above: dict[str, CgroupReading]) -> Details:
    own = sample(reading(64 * MIB, 100), path=path, container=of.container)
    others = [sample(r, inode=n, path=p) for n, (p, r) in enumerate(above.items(), 1)]
    made: Snapshot = snapshot(*others, own)
    return Details(
        sample=own,
        now=WALL,
        facts=of,
        posture=evaluate(of) if of.container.kind is Kind.CONTAINER else None,
        limits=limits_above(made, own),
        scan=None,
        verified=None,
        looked_for_scans=False,
        failures=(),
    )


def docker() -> Details:
    def change(config: Config) -> None:
        config["process"]["env"] += ["TOKEN=hunter2", "EMPTY"]
        config["mounts"][7] |= {"source": "/var/run/docker.sock", "options": ["rbind"]}

    of = facts(declared=spec("docker", change), container=WEB)
    made = details(of, f"/docker/{ID}", {"/": reading(None), "/docker": reading(None)})
    return replace(made, scan=SCAN, verified=False, looked_for_scans=True)


def kubernetes() -> Details:
    effective = process(
        uid=100000,
        uid_map=(IdRange(0, 100000, 65536),),
        namespaces=OWN_INODES | {"user": 99, "net": 1},
        label="",
        no_new_privileges=True,
        bounding=0xA80425FB | 1 << 21,
        effective=0xA80425FB | 1 << 21,
    )
    of = facts(
        declared=spec("cri-containerd21-container"), effective=effective, container=POD,
    )  # fmt: skip
    above = {
        "/kubepods": reading(900 * MIB),
        "/kubepods/burstable": reading(None),
        "/kubepods/burstable/pod599e": reading(128 * MIB, 200),
    }
    made = details(of, f"/kubepods/burstable/pod599e/{'c' * 64}", above)
    return replace(made, looked_for_scans=True)


def denied() -> Details:
    nothing = blind(facts(container=WEB, limits=Limits()), spec=True, process=True)
    made = details(nothing, f"/docker/{ID}", {})
    problem = f"/run/containerd/…/{ID}/config.json: Permission denied"
    return replace(made, failures=(problem,), limits=())


CASES = {"docker": docker, "kubernetes": kubernetes, "denied": denied}


@pytest.mark.parametrize("name", CASES)
def test_the_page_is_as_it_was_agreed(name: str) -> None:
    assert_golden(f"inspect/{name}.txt", page(CASES[name]()))


@pytest.mark.parametrize("name", CASES)
def test_the_document_is_as_it_was_agreed(name: str) -> None:
    value = orjson.loads(document(CASES[name]()))
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    assert_golden(f"inspect/{name}.json", f"{text}\n")


@pytest.mark.parametrize("name", CASES)
def test_no_value_of_the_environment_is_shown(name: str) -> None:
    made = CASES[name]()
    for text in (page(made), document(made)):
        assert "hunter2" not in text
        assert "/usr/local/sbin" not in text  # PATH's
    assert "TOKEN=…" in page(docker())


def test_a_sandbox_is_shown_without_a_judgement() -> None:
    of = facts(container=replace(POD, kind=Kind.SANDBOX, container=""))
    made = details(of, "/kubepods/pod599e/x", {})
    assert "Security" not in page(made)
    assert orjson.loads(document(made))["security"] is None


def test_what_a_container_calls_itself_cannot_move_the_cursor() -> None:
    evil = replace(WEB, name="web\x1b[2J\r\nroot", labels={"a\nb": "\x9b"})
    made = details(facts(container=evil), "/x", {})
    text = page(made)
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert "web\\x1b[2J\\r\\nroot" in text
    assert orjson.loads(document(made))["container"]["name"] == evil.name


def test_a_byte_that_is_not_utf_8_is_written_out() -> None:
    made = details(facts(container=replace(WEB, name="caf\udce9")), "/x\udcff", {})
    page(made).encode()
    assert orjson.loads(document(made))["cgroup"]["path"] == "/x\\udcff"


def test_a_command_is_written_so_that_a_shell_takes_it() -> None:
    assert command(["sh", "-c", "echo 'a b'; sleep 1"]) == """sh -c 'echo '"'"'a b'"'"'; sleep 1'"""
