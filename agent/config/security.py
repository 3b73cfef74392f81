"""[security] Which checks are told, and where reports on images are."""

from __future__ import annotations

from agent.records import dataclass

SECURITY_CHECKS = (
    *("privileged", "added_capabilities", "net_raw"),
    *("capabilities_not_dropped", "privilege_escalation", "root_user"),
    *("seccomp_disabled", "apparmor_unconfined", "selinux_unconfined"),
    *("unmasked_proc", "host_network", "host_pid", "host_ipc", "host_uts"),
    *("host_user_namespace", "host_cgroup_namespace", "host_path"),
    *("sensitive_mount", "runtime_socket", "shared_propagation"),
    *("host_devices", "writable_rootfs", "no_memory_limit", "no_cpu_limit"),
    *("no_pids_limit", "host_ports", "ports_on_all_interfaces"),
    *("privileged_ports", "default_bridge", "unlimited_restarts"),
    *("no_health_check", "image_tag_latest", "image_not_pinned", "drift"),
)
"""The checks of agent.security.table, here so that a mistake in a configuration is told early."""


@dataclass(frozen=True, slots=True)
class SecurityConfig:
    """[security] What running containers may do, and what is known of their images."""

    enabled: bool = True
    ignore: tuple[str, ...] = ()
    """Checks not to tell, by their ids in docs/security.md."""
    image_reports: str = ""
    """Directory of scan reports, Trivy's, Grype's or CycloneDX as *.json; "" for none."""
    verifications: str = ""
    """Directory of verification results, DIGEST.verified or DIGEST.json; "" for none."""

    def __post_init__(self) -> None:
        for name in ("image_reports", "verifications"):
            path = getattr(self, name)
            if path and not path.startswith("/"):
                raise ValueError(f"{name} = {path!r}: must be an absolute path")
        for check in self.ignore:
            if check not in SECURITY_CHECKS:
                import difflib

                close = difflib.get_close_matches(check, SECURITY_CHECKS, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"ignore = {check!r}: no such check{hint}")
