"""Every check, with its place in the benchmarks. docs/security.md is made from this table.

Docs    CIS Docker Benchmark 1.6.0, sections 4 and 5
        CIS Kubernetes Benchmark 1.9.0, section 5.2, 5.5 and 5.7
        https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from typing import Final

from agent.security.check import Check, Level, Rule
from agent.security.rules import drift, images, isolation, privileges, published, resources


def _row(
    id_: str,
    level: Level,
    cis: tuple[str, str],
    pss: str,
    title: str,
    rule: Rule,
    advice: str,
) -> Check:
    return Check(
        id=id_,
        title=title,
        level=level,
        cis_docker=cis[0],
        cis_kubernetes=cis[1],
        pss=pss,
        advice=advice,
        rule=rule,
    )


CHECKS: Final = (
    _row(
        *("privileged", "baseline", ("5.5", "5.2.2"), "Privileged Containers"),
        "Runs privileged: root in it is root on the host.",
        privileges.privileged,
        "Drop --privileged or securityContext.privileged; add the capability or device it needs.",
    ),
    _row(
        *("added_capabilities", "baseline", ("5.4", "5.2.9"), "Capabilities"),
        "Has capabilities beyond the runtime's default.",
        privileges.added_capabilities,
        "Remove them from --cap-add or capabilities.add.",
    ),
    _row(
        *("net_raw", "restricted", ("5.4", "5.2.8"), "Capabilities"),
        "May use raw sockets.",
        privileges.net_raw,
        "Drop NET_RAW; ping works without it where net.ipv4.ping_group_range covers its group.",
    ),
    _row(
        *("capabilities_not_dropped", "restricted", ("5.4", "5.2.10"), "Capabilities"),
        "Keeps capabilities that most programs never use.",
        privileges.capabilities_not_dropped,
        "Drop ALL and add back what the program needs; NET_BIND_SERVICE may stay.",
    ),
    _row(
        *("privilege_escalation", "restricted", ("5.26", "5.2.6"), "Privilege Escalation"),
        "A setuid program in it may raise its rights.",
        privileges.privilege_escalation,
        "Set --security-opt no-new-privileges or allowPrivilegeEscalation: false.",
    ),
    _row(
        *("root_user", "restricted", ("4.1", "5.2.7"), "Running as Non-root"),
        "Its first process is root inside the container.",
        privileges.root_user,
        "Set USER in the image, --user, or runAsNonRoot: true with runAsUser.",
    ),
    _row(
        *("seccomp_disabled", "baseline", ("5.22", "5.7.2"), "Seccomp"),
        "No seccomp filter was set up for it.",
        privileges.seccomp_disabled,
        "Use the runtime's profile: seccompProfile.type: RuntimeDefault, or no seccomp=unconfined.",
    ),
    _row(
        *("apparmor_unconfined", "baseline", ("5.2", "5.7.3"), "AppArmor"),
        "AppArmor is on and does not confine it.",
        privileges.apparmor_unconfined,
        "Use the runtime's profile, or one of your own.",
    ),
    _row(
        *("selinux_unconfined", "baseline", ("5.3", "5.7.3"), "SELinux"),
        "SELinux is on and does not confine it.",
        privileges.selinux_unconfined,
        "Remove label=disable and seLinuxOptions.type; container_t is what it gets then.",
    ),
    _row(
        *("unmasked_proc", "baseline", ("", ""), "/proc Mount Type"),
        "Sees the files of /proc that are otherwise masked.",
        privileges.unmasked_proc,
        "Remove systempaths=unconfined or procMount: Unmasked.",
    ),
    _row(
        *("host_network", "baseline", ("5.10", "5.2.5"), "Host Namespaces"),
        "Is in the host's network namespace.",
        isolation.shared_namespace("net", "sees the host's interfaces and loopback services"),
        "Publish ports instead of --network host or hostNetwork: true.",
    ),
    _row(
        *("host_pid", "baseline", ("5.16", "5.2.3"), "Host Namespaces"),
        "Is in the host's pid namespace.",
        isolation.shared_namespace("pid", "sees every process of the host, and may signal its own"),
        "Drop --pid host or hostPID: true.",
    ),
    _row(
        *("host_ipc", "baseline", ("5.17", "5.2.4"), "Host Namespaces"),
        "Is in the host's IPC namespace.",
        isolation.shared_namespace("ipc", "shares System V IPC and message queues with the host"),
        "Drop --ipc host or hostIPC: true.",
    ),
    _row(
        *("host_uts", "hardening", ("5.21", ""), ""),
        "Is in the host's UTS namespace.",
        isolation.shared_namespace("uts", "has the host's name"),
        "Drop --uts host. In Kubernetes it comes with hostNetwork.",
    ),
    _row(
        *("host_user_namespace", "hardening", ("5.31", ""), ""),
        "Is in the host's user namespace.",
        isolation.shared_namespace("user", "has the uids of the host"),
        "Use userns-remap, --userns, a rootless runtime, or hostUsers: false.",
    ),
    _row(
        *("host_cgroup_namespace", "hardening", ("", ""), ""),
        "Is in the host's cgroup namespace.",
        isolation.shared_namespace("cgroup", "sees the paths of the host's cgroups"),
        "Use --cgroupns private, the default on cgroup v2.",
    ),
    _row(
        *("host_path", "baseline", ("", "5.2.12"), "HostPath Volumes"),
        "Has a directory or file of the host's mounted.",
        isolation.host_path,
        "Use a volume instead of a bind mount or hostPath.",
    ),
    _row(
        *("sensitive_mount", "baseline", ("5.6", "5.2.12"), "HostPath Volumes"),
        "Has a directory mounted whose content runs the host or holds its secrets.",
        isolation.sensitive_mount,
        "Mount the one file it needs, read-only.",
    ),
    _row(
        *("runtime_socket", "baseline", ("5.32", "5.2.12"), "HostPath Volumes"),
        "Can reach a container runtime's socket: whoever writes there is root on the host.",
        isolation.runtime_socket,
        "Put a filtering proxy between, or a tool that needs no socket.",
    ),
    _row(
        *("shared_propagation", "hardening", ("5.20", ""), ""),
        "A mount made in it appears on the host.",
        isolation.shared_propagation,
        "Use rprivate or rslave (HostToContainer) instead of rshared (Bidirectional).",
    ),
    _row(
        *("host_devices", "hardening", ("5.18", ""), ""),
        "May use devices of the host.",
        isolation.host_devices,
        "Remove --device, or give it through a device plugin.",
    ),
    _row(
        *("writable_rootfs", "hardening", ("5.13", ""), ""),
        "May write to its root filesystem.",
        isolation.writable_rootfs,
        "Set --read-only or readOnlyRootFilesystem: true, with a tmpfs where it must write.",
    ),
    _row(
        *("no_memory_limit", "hardening", ("5.11", ""), ""),
        "May use all the host's memory.",
        resources.no_memory_limit,
        "Set --memory or resources.limits.memory.",
    ),
    _row(
        *("no_cpu_limit", "hardening", ("5.12", ""), ""),
        "May use all the host's CPU time.",
        resources.no_cpu_limit,
        "Set --cpus or resources.limits.cpu where a noisy neighbour matters more than idle cores.",
    ),
    _row(
        *("no_pids_limit", "hardening", ("5.29", ""), ""),
        "A fork bomb in it takes the host's pids.",
        resources.no_pids_limit,
        "Set --pids-limit, or the kubelet's podPidsLimit.",
    ),
    _row(
        *("host_ports", "baseline", ("", "5.2.13"), "Host Ports"),
        "Its pod takes a port of the host's.",
        published.host_ports,
        "Use a Service instead of hostPort.",
    ),
    _row(
        *("ports_on_all_interfaces", "hardening", ("5.14", ""), ""),
        "A port of it is open on every interface of the host, past the host's own firewall rules.",
        published.ports_on_all_interfaces,
        "Name the interface: -p 127.0.0.1:8080:80, or hostIP.",
    ),
    _row(
        *("privileged_ports", "hardening", ("5.8", ""), ""),
        "It answers at a port of the host's below 1024, as only root's programs may.",
        published.privileged_ports,
        "Publish at a port from 1024 on, or behind a proxy; a public 80 or 443 may be meant.",
    ),
    _row(
        *("default_bridge", "hardening", ("5.30", ""), ""),
        "Is in Docker's default network, where it reaches every other that names no network.",
        published.default_bridge,
        "Make a network for what belongs together: docker network create, --network.",
    ),
    _row(
        *("unlimited_restarts", "hardening", ("5.15", ""), ""),
        "Is started again without end, which hides that it fails.",
        published.unlimited_restarts,
        "Use --restart on-failure:5, or ignore this check where services must come back.",
    ),
    _row(
        *("no_health_check", "hardening", ("5.27", ""), ""),
        "Nobody checks whether it works.",
        published.no_health_check,
        "Write a HEALTHCHECK into its image (CIS Docker 4.6), or use --health-cmd.",
    ),
    _row(
        *("image_tag_latest", "hardening", ("5.28", "5.5.1"), ""),
        "Its image is named by a tag that moves.",
        images.image_tag_latest,
        "Name a version, best with its digest.",
    ),
    _row(
        *("image_not_pinned", "hardening", ("", "5.5.1"), ""),
        "Its image is not pinned by digest: what was verified need not be what runs.",
        images.image_not_pinned,
        "Write name:tag@sha256:DIGEST.",
    ),
    _row(
        *("drift", "hardening", ("", ""), ""),
        "The kernel confines it less than was declared.",
        drift.drift,
        "Find out who changed it; restart it from its declaration.",
    ),
)
"""In the order they are shown."""

BY_ID: Final = {check.id: check for check in CHECKS}
