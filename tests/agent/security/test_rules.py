"""Each check: when it passes, when it fails, and when nobody can say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.config import SECURITY_CHECKS, SecurityConfig
from agent.kernelfile import UNLIMITED
from agent.procfs.credentials import IdRange
from agent.security.capabilities import DEFAULT, NAMES
from agent.security.facts import Facts, Limits
from agent.security.process import NO_LSM
from agent.security.table import BY_ID, CHECKS
from tests.agent.security.samples import (
    ALL,
    CONTAINER,
    HOST_INODES,
    NOT_LIMITED,
    OWN_INODES,
    Config,
    blind,
    facts,
    failing,
    host,
    image,
    posture,
    process,
    spec,
    unknown,
)

DEFAULTS = {
    *("net_raw", "capabilities_not_dropped", "privilege_escalation", "root_user"),
    *("host_user_namespace", "host_path", "writable_rootfs"),
}
"""What fails for the captured container: Docker's defaults and one bind mount."""


def mask(*names: str) -> int:
    return sum(1 << NAMES.index(name) for name in names)


def privileged() -> Facts:
    """As `docker run --privileged` writes it down and the kernel has it."""

    def change(config: Config) -> None:
        del config["linux"]["seccomp"], config["linux"]["maskedPaths"]
        config["process"]["capabilities"]["bounding"] = [f"CAP_{name}" for name in NAMES]
        config["linux"]["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
        config["linux"]["devices"] = [{"path": "/dev/kvm", "type": "c"}]

    effective = process(bounding=ALL, effective=ALL, seccomp=0, label="unconfined")
    unmasked = tuple(
        mount
        for mount in effective.mounts or ()
        if not mount.mount_point.startswith(("/proc/", "/sys/firmware"))
    )
    return facts(declared=spec("docker", change), effective=replace(effective, mounts=unmasked))


def test_dockers_defaults_fail_what_they_are_known_for_and_nothing_else() -> None:
    assert failing(facts()).keys() == DEFAULTS
    assert unknown(facts()) == set()


def test_privileged_fails_with_all_that_comes_with_it() -> None:
    found = failing(privileged())
    assert found.keys() - DEFAULTS == {
        *("privileged", "added_capabilities", "seccomp_disabled", "apparmor_unconfined"),
        *("unmasked_proc", "host_devices"),
    }
    assert "every device" in found["host_devices"]
    assert posture(privileged()).profile == "privileged"


def test_privileged_is_seen_without_the_bundle_and_without_the_process() -> None:
    assert "privileged" in failing(blind(privileged(), spec=True))
    assert "privileged" in failing(blind(privileged(), process=True))


def test_all_capabilities_alone_are_not_privileged() -> None:
    found = failing(facts(effective=process(bounding=ALL, effective=ALL)))
    assert "privileged" not in found
    assert found["added_capabilities"].startswith("AUDIT_CONTROL, ")


def test_all_capabilities_are_what_this_host_has_to_give() -> None:
    fewer = ALL & ~mask("SYS_RESOURCE")
    given = privileged()
    machine = replace(host(), bounding=frozenset(NAMES) - {"SYS_RESOURCE"})
    effective = replace(
        process(bounding=fewer, effective=fewer, seccomp=0), mounts=given.process.mounts
    ) if given.process else None  # fmt: skip
    assert "privileged" in failing(facts(declared=given.spec, effective=effective, machine=machine))


def test_an_added_capability_says_whether_it_is_in_force() -> None:
    more = 0xA80425FB | mask("NET_ADMIN")
    assert failing(facts(effective=process(bounding=more, effective=more)))[
        "added_capabilities"
    ] == ("NET_ADMIN: in force")
    as_user = process(bounding=more, effective=0, uid=1000)
    assert "a setuid program gives" in failing(facts(effective=as_user))["added_capabilities"]
    kept = process(bounding=more, effective=0, uid=1000, no_new_privileges=True)
    assert "keeps it so" in failing(facts(effective=kept))["added_capabilities"]


def test_dropping_all_passes_every_check_of_capabilities() -> None:
    found = failing(facts(effective=process(bounding=mask("NET_BIND_SERVICE"), effective=0)))
    assert found.keys().isdisjoint({"net_raw", "capabilities_not_dropped", "added_capabilities"})
    dropped = posture(facts(effective=process(bounding=0, effective=0))).dropped
    assert dropped == DEFAULT


def test_root_is_who_is_root_inside() -> None:
    mapped = process(uid=100000, uid_map=(IdRange(0, 100000, 65536),), namespaces={"user": 99})
    assert failing(facts(effective=mapped))["root_user"] == "uid 0; on the host it is uid 100000"
    assert "root_user" not in failing(facts(effective=process(uid=1000)))


def test_a_users_own_namespace_qualifies_what_root_is_worth() -> None:
    mapped = process(
        uid=100000,
        uid_map=(IdRange(0, 100000, 65536),),
        namespaces=OWN_INODES | {"user": 99},
        bounding=ALL,
    )
    found = {f.check.id: f for f in posture(facts(effective=mapped)).failed}
    assert "host_user_namespace" not in found
    assert found["added_capabilities"].qualified == (
        "only inside its own user namespace; outside it is uid 100000"
    )
    assert found["writable_rootfs"].qualified == ""


def test_a_filter_that_the_program_set_up_itself_was_not_declared() -> None:
    def change(config: Config) -> None:
        del config["linux"]["seccomp"]

    found = failing(facts(declared=spec("docker", change)))
    assert found["seccomp_disabled"] == "none declared; the program set one up itself"


def test_no_filter_denies_a_pod_only_the_restricted_profile() -> None:
    def level(namespace: str) -> str:
        container = replace(CONTAINER, namespace=namespace)
        found = posture(facts(effective=process(seccomp=0), container=container))
        return next(f.level for f in found.failed if f.check.id == "seccomp_disabled")

    assert (level(""), level("shop")) == ("baseline", "restricted")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("docker-default (enforce)", set()),
        ("docker-default (complain)", {"apparmor_unconfined"}),
        ("unconfined", {"apparmor_unconfined"}),
        ("system_u:system_r:container_t:s0:c1,c2", set()),
        ("system_u:system_r:spc_t:s0", {"selinux_unconfined"}),
        (NO_LSM, set()),
    ],
)
def test_the_security_module_that_is_on_is_asked(label: str, expected: set[str]) -> None:
    found = facts(effective=process(label=label))
    modules = {"apparmor_unconfined", "selinux_unconfined"}
    assert failing(found).keys() & modules == expected
    assert unknown(found) & modules == set()


@pytest.mark.parametrize(
    ("namespace", "check"),
    [
        *(("net", "host_network"), ("pid", "host_pid"), ("ipc", "host_ipc"), ("uts", "host_uts")),
        *(("user", "host_user_namespace"), ("cgroup", "host_cgroup_namespace")),
    ],
)
def test_a_namespace_is_the_hosts_when_its_inode_is(namespace: str, check: str) -> None:
    inodes = dict.fromkeys(OWN_INODES, 99)
    assert check not in failing(facts(effective=process(namespaces=inodes)))
    inodes[namespace] = HOST_INODES[namespace]
    assert check in failing(facts(effective=process(namespaces=inodes)))


def test_without_the_inodes_the_bundle_tells_the_namespaces() -> None:
    def change(config: Config) -> None:
        config["linux"]["namespaces"] = [
            {"type": "pid"},
            {"type": "network", "path": "/proc/7/ns/net"},
        ]

    found = blind(facts(declared=spec("docker", change)), process=True)
    assert {"host_ipc", "host_uts"} <= failing(found).keys()
    # A pod's containers join the sandbox's, which may well be the host's.
    assert "host_network" in unknown(found)
    assert "host_pid" not in failing(found).keys() | unknown(found)


def test_dockers_default_network_namespace_is_the_hosts() -> None:
    def change(config: Config) -> None:
        path = "/var/run/docker/netns/default"
        config["linux"]["namespaces"][1] = {"type": "network", "path": path}

    assert "host_network" in failing(blind(facts(declared=spec("docker", change)), process=True))


def test_pid_and_user_namespace_are_told_without_the_right_to_trace() -> None:
    own = facts(effective=process(namespaces={}, uid_map=(IdRange(0, 5, 1),), uid=5))
    assert failing(own).keys().isdisjoint({"host_pid", "host_user_namespace"})
    hosts = facts(effective=process(namespaces={}, pid_namespaces=1))
    assert {"host_pid", "host_user_namespace"} <= failing(hosts).keys()


def bind(source: str, *options: str) -> Facts:
    def change(config: Config) -> None:
        config["mounts"] = [
            {
                "source": source,
                "destination": "/x",
                "type": "bind",
                "options": ["rbind", *options],
            }
        ]

    return facts(declared=spec("docker", change))


MOUNT_CHECKS = {
    *("host_path", "sensitive_mount", "runtime_socket", "shared_propagation", "host_devices"),
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/srv/data", {"host_path"}),
        ("/", {"host_path", "sensitive_mount", "runtime_socket"}),
        ("/etc", {"host_path", "sensitive_mount"}),
        ("/etc/shadow", {"host_path", "sensitive_mount"}),
        ("/etc/ssl/certs", {"host_path"}),
        ("/proc/sys", {"host_path", "sensitive_mount"}),
        ("/var/run", {"host_path", "sensitive_mount", "runtime_socket"}),
        ("/var/run/docker.sock", {"host_path", "runtime_socket"}),
        ("/srv/agent/podman.sock", {"host_path", "runtime_socket"}),
        ("/run/user", {"host_path"}),
        ("/var/lib/kubelet/pki", {"host_path", "sensitive_mount"}),
        ("/dev/kvm", {"host_devices"}),
        ("/dev", {"host_path", "sensitive_mount"}),
    ],
)
def test_a_mount_is_judged_by_its_source(source: str, expected: set[str]) -> None:
    assert failing(bind(source)).keys() & MOUNT_CHECKS == expected


def test_a_socket_is_in_reach_through_a_directory_only_if_it_is_there() -> None:
    found = bind("/var/run")
    nothing = replace(found, host=replace(found.host, sockets=()))
    assert "runtime_socket" not in failing(nothing)
    assert failing(found)["runtime_socket"] == "/run/docker.sock through /run at /x (rw)"


def test_shared_propagation_is_read_from_the_declaration() -> None:
    assert "shared_propagation" in failing(bind("/srv", "rshared"))
    assert "shared_propagation" not in failing(bind("/srv", "rslave"))


def test_a_mount_made_later_is_seen() -> None:
    later = process(more_mounts="700 653 254:0 /etc /host-etc rw - ext4 /dev/vda rw\n")
    assert "/etc at /host-etc (rw)" in failing(facts(effective=later))["sensitive_mount"]


def test_the_root_filesystem_is_as_it_is_mounted() -> None:
    made_ro = process(more_mounts="701 653 0:189 / / ro - overlay overlay rw\n")
    assert "writable_rootfs" not in failing(facts(effective=made_ro))


def test_limits_are_those_in_force() -> None:
    checks = {"no_memory_limit", "no_cpu_limit", "no_pids_limit"}
    assert checks <= failing(facts(limits=NOT_LIMITED)).keys()
    assert checks <= unknown(facts(limits=Limits()))
    assert failing(facts()).keys().isdisjoint(checks)
    some = failing(facts(limits=Limits(memory=1, cpu=UNLIMITED, pids=1)))
    assert some.keys() & checks == {"no_cpu_limit"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("busybox", {"image_tag_latest", "image_not_pinned"}),
        ("localhost:5000/busybox", {"image_tag_latest", "image_not_pinned"}),
        ("localhost:5000/busybox:latest", {"image_tag_latest", "image_not_pinned"}),
        ("localhost:5000/busybox:1.36", {"image_not_pinned"}),
        ("busybox@sha256:" + "a" * 64, set()),
        ("busybox:latest@sha256:" + "a" * 64, set()),
        ("sha256:" + "a" * 64, set()),
        ("a" * 64, set()),
        ("", set()),
    ],
)
def test_an_image_is_named_by_what_can_move_or_not(name: str, expected: set[str]) -> None:
    checks = {"image_tag_latest", "image_not_pinned"}
    assert failing(image(name)).keys() & checks == expected
    assert unknown(image(name)) & checks == set()


@pytest.mark.parametrize(
    ("effective", "says"),
    [
        (process(seccomp=0), "a seccomp filter is declared and none is on"),
        (process(bounding=0xA80425FB | mask("SYS_ADMIN")), "beyond the declared: SYS_ADMIN"),
        (process(namespaces=OWN_INODES | {"pid": 2}), "a pid namespace of its own is declared"),
        (process(mounts=()), "masked paths are declared and none is mounted"),
    ],
)
def test_less_than_declared_is_drift(effective: object, says: str) -> None:
    given = facts()
    assert says in failing(replace(given, process=effective)).get("drift", "")  # type: ignore[arg-type]


def test_a_writable_root_that_was_declared_read_only_is_drift() -> None:
    def change(config: Config) -> None:
        config["root"]["readonly"] = True

    assert "writable" in failing(facts(declared=spec("docker", change)))["drift"]


def test_more_than_declared_is_no_drift() -> None:
    strict = process(bounding=0, effective=0, no_new_privileges=True, uid=1000, seccomp_filters=3)
    assert "drift" not in failing(facts(effective=strict))


def test_an_image_whose_name_could_not_be_read_is_not_known() -> None:
    found = facts(container=replace(CONTAINER, image="", complete=False))
    assert {"image_tag_latest", "image_not_pinned"} <= unknown(found)


def test_nothing_readable_passes_nothing_but_what_the_name_tells() -> None:
    unread = replace(CONTAINER, declared=None)
    nothing = blind(facts(limits=Limits(), container=unread), spec=True, process=True)
    assert failing(nothing) == {}
    assert unknown(nothing) == BY_ID.keys() - {
        *("image_tag_latest", "image_not_pinned"),
        "host_ports",  # it is in no pod
    }
    assert posture(nothing).profile == "privileged"


def test_the_configuration_knows_every_check() -> None:
    assert [check.id for check in CHECKS] == list(SECURITY_CHECKS)
    with pytest.raises(ValueError, match="did you mean 'root_user'"):
        SecurityConfig(ignore=("root_users",))


def test_every_check_has_an_id_of_its_own_and_words_for_a_person() -> None:
    assert len(BY_ID) == len(CHECKS)
    for check in CHECKS:
        assert check.id.replace("_", "").isalpha()
        assert check.title.endswith(".")
        assert check.advice.endswith(".")
        assert check.pss or check.level == "hardening", check.id
