"""Podman of an ordinary user, under that user's systemd: its cgroups, its storage, its journal."""

from __future__ import annotations

import json
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config import HostPaths
from tests.guest.inside import IN_GUEST, SLEEP, SLOW, await_file, whole_lines
from tests.host.agent import agent_run, page_once
from tests.host.containerd import IMAGE, test_image
from tests.host.daemon import run, wait_until
from tests.host.identity import named

pytestmark = [*IN_GUEST]

USER = "ordinary"


class RootlessPodman:
    """The user's podman, with what a login would give it."""

    def __init__(self) -> None:
        run(["useradd", "--create-home", USER])  # with its ranges in /etc/subuid
        self.uid = pwd.getpwnam(USER).pw_uid
        run(["loginctl", "enable-linger", USER], timeout=SLOW)
        await_file(Path(f"/run/user/{self.uid}/bus"))
        self.cli("load", data=test_image())

    def cli(self, *arguments: str, data: bytes | None = None) -> str:
        """Run its command; return what it printed."""
        environment = (
            f"XDG_RUNTIME_DIR=/run/user/{self.uid}",
            f"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{self.uid}/bus",
        )
        user = ["runuser", "-u", USER, "--", "env", f"--chdir=/home/{USER}", *environment]
        return run([*user, "podman", *arguments], data=data, timeout=SLOW)

    def start(self, name: str, *argv: str) -> str:
        """Start a container that logs to the journal; return its id."""
        options = ("--network=none", "--log-driver=journald", "--label=tier=db", "--memory=64m")
        out = self.cli("run", "--detach", f"--name={name}", *options, IMAGE, *argv)
        return out.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def podman() -> Iterator[RootlessPodman]:
    made = RootlessPodman()
    try:
        yield made
    finally:
        made.cli("rm", "--all", "--force", "--time=0")


def test_its_container_is_named_with_the_cgroup_of_its_own(podman: RootlessPodman) -> None:
    id_ = podman.start("mine", *SLEEP)
    try:
        pid = json.loads(podman.cli("container", "inspect", "mine"))[0]["State"]["Pid"]
        # crun puts the process into a cgroup "container" below the one with the limits.
        container = named(HostPaths(), pid, above=1)
        assert (container.runtime, container.id, container.name) == ("podman", id_, "mine")
        assert (container.image, container.labels["tier"]) == (IMAGE, "db")
        page = page_once("probes.enabled=false")
        told = page.labels("container_spec_memory_limit_bytes", name="mine")
        assert f"user@{podman.uid}.service" in told["id"]
        assert page.value("container_spec_memory_limit_bytes", name="mine") == 64 << 20
    finally:
        podman.cli("rm", "--force", "--time=0", "mine")


def test_its_lines_are_its_own(podman: RootlessPodman, tmp_path: Path) -> None:
    out = tmp_path / "logs.jsonl"

    def mine() -> list[dict[str, str]]:
        records = map(json.loads, whole_lines(out))
        return [record for record in records if record.get("container_name") == "told"]

    with agent_run(tmp_path, "logs.labels=['tier']", "probes.enabled=false"):
        id_ = podman.start("told", "/bin/sh", "-c", "echo one; echo two; exec sleep 1000")
        try:
            wait_until(lambda: len(mine()) >= 2, SLOW, "its lines")
        finally:
            podman.cli("rm", "--force", "--time=0", "told")
    assert [record["log"] for record in mine()] == ["one", "two"]
    assert {(record["runtime"], record["container_id"]) for record in mine()} == {("podman", id_)}
    assert {record["label_tier"] for record in mine()} == {"db"}
