from __future__ import annotations

from dataclasses import replace

import pytest

from agent.security.posture import evaluate
from tests.agent.security.samples import (
    CONTAINER,
    OWN_INODES,
    Config,
    blind,
    facts,
    posture,
    process,
    spec,
)


def locked_down(config: Config) -> None:
    config["mounts"] = []
    config["process"]["noNewPrivileges"] = True
    config["process"]["user"] = {"uid": 1000, "gid": 1000}


STRICT = process(uid=1000, bounding=0, effective=0, no_new_privileges=True)


def test_the_strictest_profile_is_met_only_when_everything_it_asks_is_known() -> None:
    strict = facts(declared=spec("docker", locked_down), effective=STRICT)
    assert posture(strict).profile == "restricted"
    assert posture(blind(strict, process=True)).profile == "privileged"  # AppArmor: not known


def test_dockers_defaults_without_a_bind_mount_meet_baseline() -> None:
    def change(config: Config) -> None:
        config["mounts"] = []

    assert posture(facts(declared=spec("docker", change))).profile == "baseline"
    assert posture(facts()).profile == "privileged"


def test_an_ignored_check_is_not_told_and_counts_all_the_same() -> None:
    found = evaluate(facts(), ignore={"host_path"})
    assert "host_path" not in {finding.check.id for finding in found.failed}
    assert found.profile == "privileged"


@pytest.mark.parametrize(("inode", "said"), [(5, "host"), (99, "own")])
def test_the_summary_says_the_users_namespace(inode: int, said: str) -> None:
    found = posture(facts(effective=process(namespaces=OWN_INODES | {"user": inode})))
    assert found.user_namespace == said
    assert (found.seccomp, found.apparmor, found.user) == (
        "filter",
        "docker-default (enforce)",
        "0",
    )


def test_what_is_not_known_is_empty_and_not_a_default() -> None:
    found = posture(blind(facts(), spec=True, process=True))
    assert (found.seccomp, found.apparmor, found.user, found.user_namespace) == ("", "", "", "")
    assert found.capabilities is None


def test_a_kernel_without_security_modules_says_none() -> None:
    assert posture(facts(effective=process(label=""))).apparmor == "none"


def test_findings_stand_in_the_tables_order() -> None:
    first = [finding.check.id for finding in posture(facts()).failed]
    pod = [f.check.id for f in posture(facts(container=replace(CONTAINER, pod_uid="1"))).failed]
    assert first == pod
    assert first.index("net_raw") < first.index("root_user") < first.index("writable_rootfs")
