"""The compose file: the same promises as the DaemonSet, on one Docker host."""

from __future__ import annotations

from pathlib import Path

import yaml

COMPOSE = Path(__file__).parents[2] / "deploy" / "compose" / "compose.yaml"
AGENT = yaml.safe_load(COMPOSE.read_text())["services"]["agent"]


def test_it_has_two_capabilities_and_a_read_only_root() -> None:
    assert (AGENT["cap_drop"], AGENT["cap_add"]) == (["ALL"], ["SYS_PTRACE", "DAC_READ_SEARCH"])
    assert AGENT["security_opt"] == ["no-new-privileges:true"]
    assert AGENT["read_only"] is True
    assert "privileged" not in AGENT


def test_the_page_is_reachable_from_the_host_alone() -> None:
    assert AGENT["ports"] == ["127.0.0.1:9464:9464"]


def test_what_it_names_beside_itself_is_there() -> None:
    assert (COMPOSE.parent / AGENT["build"]["context"] / AGENT["build"]["dockerfile"]).is_file()
    assert (COMPOSE.parent / AGENT["volumes"][0].split(":")[0]).is_file()


def test_no_host_directory_is_writable_and_no_socket_is_mounted() -> None:
    for volume in AGENT["volumes"]:
        source, *_ = volume.split(":")
        assert not source.startswith(("/", ".")) or volume.endswith(":ro"), volume
        assert not source.endswith(".sock")
