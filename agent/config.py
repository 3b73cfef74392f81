"""One frozen Config. Each default is here, with its reason; a value out of range is refused."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from agent.log_destinations import (
    Destination,
    ElasticsearchDestination,
    FileDestination,
    FluentdDestination,
    ForwardServer,
    GraylogDestination,
    LokiDestination,
    OtlpDestination,
    check_headers,
    check_url,
)
from agent.log_rules import LogRule

__all__ = [
    "SECURITY_CHECKS",
    "Config",
    "Destination",
    "DockerConfig",
    "ElasticsearchDestination",
    "FileDestination",
    "FilesystemConfig",
    "FluentdDestination",
    "ForwardServer",
    "GraylogDestination",
    "HostPaths",
    "JournaldConfig",
    "KubernetesConfig",
    "LifecycleConfig",
    "LogFiles",
    "LogRule",
    "LogsConfig",
    "LokiDestination",
    "MetricsConfig",
    "OtlpDestination",
    "ProbesConfig",
    "RemoteWriteConfig",
    "SecurityConfig",
    "WebConfig",
    "split_address",
]


@dataclass(frozen=True, slots=True)
class HostPaths:
    """[paths] Where the host's files are. Inside a container they are mounted elsewhere."""

    root: str = "/"
    """The host's / as this process sees it; put before every path a runtime writes down."""
    proc: str = "/proc"
    sys_block: str = "/sys/dev/block"
    cgroup: str = ""
    """Where the host's cgroup filesystems are mounted; "" looks at every mount."""
    docker: tuple[str, ...] = ("/var/lib/docker",)
    """Docker data roots. A running container's own root is found without this."""
    containerd: tuple[str, ...] = ("/var/lib/containerd",)
    """containerd's root directories."""
    containerd_state: tuple[str, ...] = ("/run/containerd",)
    podman: tuple[str, ...] = ("/var/lib/containers/storage",)
    """containers/storage graph roots (Podman, CRI-O, Buildah)."""
    run: str = "/run"
    pod_logs: str = "/var/log/pods"

    def host(self, path: str) -> str:
        """The place where this process finds the host's `path`."""
        return path if self.root == "/" else self.root.rstrip("/") + path


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """[metrics]"""

    listen: str = "127.0.0.1:9464"
    """HOST:PORT or [IPV6]:PORT. Loopback: the page is public only when somebody says so."""
    interval: float = 10.0
    """Seconds between ticks when nobody scrapes; a scrape reads anew."""
    labels: Literal["kubelet", "cadvisor"] = "kubelet"
    """Whose labels container series have: the kubelet's, which queries for Kubernetes expect, or
    those of cAdvisor on its own, with container_label_* (docs/metrics.md)."""
    container_labels: tuple[str, ...] = (
        "com.docker.compose.project",
        "com.docker.compose.service",
        "com.docker.compose.project.working_dir",
    )
    """Container labels that labels = "cadvisor" shows: those of Grafana's dashboard 14282. Each one
    more is on every series."""
    groups_enabled: tuple[str, ...] = ()
    """Groups of metrics beside the default ones, by cAdvisor's names (docs/metrics.md)."""
    groups_disabled: tuple[str, ...] = ()
    """Groups to leave out; what cAdvisor's --disable_metrics takes is understood."""
    systemd: bool = False
    """Also tell systemd's services, as containers whose name is the unit's. Off: a host has more of
    them than containers, and a service that runs containers counts these once more."""

    def __post_init__(self) -> None:
        split_address(self.listen)
        if self.interval < 0.1:
            raise ValueError(f"interval = {self.interval}: must be at least 0.1 s")


@dataclass(frozen=True, slots=True)
class LogFiles:
    """[[logs.files]] Plain files that programs write beside their output, one line a record."""

    path: str = ""
    """Glob pattern on the host."""
    name: str = ""
    """Their records' container_name; "": the file's own name."""
    fields: tuple[str, ...] = ()
    """More fields of their records, as KEY=VALUE."""

    def __post_init__(self) -> None:
        if self.path and not self.path.startswith("/"):
            raise ValueError(f"path = {self.path!r}: must be an absolute path or pattern")
        for pair in self.fields:
            if not pair.partition("=")[1] or pair.startswith("="):
                raise ValueError(f"fields has {pair!r}: write KEY=VALUE")


@dataclass(frozen=True, slots=True)
class JournaldConfig:
    """[logs.journald] systemd's journal: containers whose runtime logs there, and units."""

    enabled: bool = True
    """Read containers' entries. A host without a journal needs nothing, and loses nothing."""
    directory: str = ""
    """Directory of the journal's files on the host; "": /var/log/journal or /run/log/journal."""
    units: tuple[str, ...] = ()
    """Names or patterns of systemd units to read as well ("nginx.service", "*.service"). None by
    default: a host's own services are not containers."""

    def __post_init__(self) -> None:
        if self.directory and not self.directory.startswith("/"):
            raise ValueError(f"directory = {self.directory!r}: must be an absolute path")


@dataclass(frozen=True, slots=True)
class LogsConfig:
    """[logs]"""

    enabled: bool = True
    state: str = "/var/lib/container-agent"
    """Directory of the checkpoints, one file per destination."""
    from_start: bool = True
    """Read a file without a checkpoint from its start; False: only what comes from now on."""
    held_bytes: int = 2 * 1024 * 1024 * 1024
    """Bytes of deleted files kept open until they are read. The disk is the host's: over it the
    largest is given up, and counted as lost."""
    spool_bytes: int = 256 * 1024 * 1024
    """Bytes of such files kept over a restart of the agent, in `state`."""
    files: tuple[LogFiles, ...] = ()
    """Plain files to read beside the containers' own logs."""
    journald: JournaldConfig = field(default_factory=JournaldConfig)
    destination: tuple[Destination, ...] = (FileDestination(),)
    processing: tuple[LogRule, ...] = ()
    """[[logs.processing]] What is done with the lines of which containers: nothing by itself."""
    container_rules: bool = True
    """Let containers ask for processing by their labels (docs/logs-processing.md). They cannot
    loosen a rate, a length or the redaction of a rule."""
    labels: tuple[str, ...] = ()
    """Container labels that each record carries, as label_NAME."""
    host: str = ""
    """The host's name in each record; "auto" asks the host, "" leaves it out: it is in every
    record, and most destinations know who sent it."""

    def __post_init__(self) -> None:
        for name in ("held_bytes", "spool_bytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must be at least 0")
        if not all(files.path for files in self.files):
            raise ValueError("files: each needs a path")
        names = [destination.name for destination in self.destination]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"destination {twice[0]} is there twice: each has one log worker")
        files = [path for path in map(_file_of, self.destination) if path]
        if len(set(files)) < len(files):
            raise ValueError("destination: two write to the same file; set dead_letters")


def _file_of(destination: Destination) -> str:
    """The file a destination writes to, if any."""
    match destination:
        case FileDestination():
            return destination.path
        case ElasticsearchDestination():
            return destination.dead_letters
        case _:
            return ""


@dataclass(frozen=True, slots=True)
class FilesystemConfig:
    """[filesystem] Writable layers, volumes and the host's filesystems, in the background."""

    enabled: bool = True
    interval: float = 60.0
    """Seconds between two looks at a container; it is walked then if it wrote meanwhile."""
    full_interval: float = 600.0
    """Seconds after which it is walked in any case: a deletion writes nothing."""
    walk_seconds: float = 30.0
    """For one directory tree; after them its size is what was counted, and not complete."""
    entries_per_second: float = 10000.0
    """Within a walk. 10,000 take a tenth of a core and are a light load for a spinning disk."""
    network: bool = False
    """Also ask network and FUSE filesystems. One that hangs costs a thread and is left alone."""

    def __post_init__(self) -> None:
        for name, least in (
            ("interval", 1.0),
            ("full_interval", self.interval),
            ("walk_seconds", 0.1),
            ("entries_per_second", 100.0),
        ):
            value = getattr(self, name)
            if not value >= least:
                raise ValueError(f"{name} = {value}: must be at least {least:g}")


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
                close = difflib.get_close_matches(check, SECURITY_CHECKS, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"ignore = {check!r}: no such check{hint}")


@dataclass(frozen=True, slots=True)
class RemoteWriteConfig:
    """[remote_write] Push the metrics of a host that nobody can scrape. See docs/remote-write.md.

    What is secret is in files, read anew for each request: it is on no command line, and a token
    that is replaced is used.
    """

    url: str = ""
    """"https://mimir.example/api/v1/push"; "" writes nowhere."""
    interval: float = 15.0
    """Seconds between two Snapshots written."""
    protocol: Literal["auto", "2.0", "1.0"] = "auto"
    """auto: 2.0, and 1.0 once the receiver says or shows that it does not know it."""
    timeout: float = 30.0
    """Seconds for one request."""
    queue_dir: str = "/var/lib/container-agent/remote-write"
    queue_max_bytes: int = 256 * 1024 * 1024
    """1,000 containers fill this in about an hour and a half; 20 in more than two days."""
    external_labels: tuple[str, ...] = ()
    """"NAME=VALUE". job and instance are "cadvisor" and the host's name unless they are here."""
    keep: str = ""
    """A regular expression that a metric's whole name must match; "" keeps all."""
    drop: str = ""
    """One that it must not match."""
    headers: tuple[str, ...] = ()
    """"NAME: VALUE", as in "X-Scope-OrgID: team-a"."""
    username: str = ""
    password_file: str = ""
    bearer_token_file: str = ""
    ca_file: str = ""
    """Certificates to trust instead of the system's."""
    cert_file: str = ""
    key_file: str = ""

    def __post_init__(self) -> None:
        if self.url:
            check_url(self.url)
        for name, least in (("interval", 1.0), ("timeout", 1.0), ("queue_max_bytes", 1024 * 1024)):
            value = getattr(self, name)
            if not value >= least:
                raise ValueError(f"{name} = {value}: must be at least {least:g}")
        for name in ("keep", "drop"):
            try:
                re.compile(getattr(self, name))
            except re.error as error:
                raise ValueError(f"{name}: not a regular expression: {error}") from None
        self._check_labels_and_headers()
        for one, other in (("username", "password_file"), ("cert_file", "key_file")):
            if bool(getattr(self, one)) != bool(getattr(self, other)):
                raise ValueError(f"{one} and {other} need each other")
        if self.username and self.bearer_token_file:
            raise ValueError("either password_file or bearer_token_file")

    def _check_labels_and_headers(self) -> None:
        for label in self.external_labels:
            name, equals, value = label.partition("=")
            if (
                not equals
                or not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name)
                or name.startswith("__")
            ):
                raise ValueError(f'external_labels: {label!r}: write "NAME=VALUE"')
            if not value:
                raise ValueError(f"external_labels: {name} has no value")
        check_headers(self.headers)


@dataclass(frozen=True, slots=True)
class WebConfig:
    """[web]"""

    config_file: str = ""
    """TLS and passwords for the agent's own server, in the file format of Prometheus' exporters;
    see docs/web-config.md. "" serves plain HTTP to everybody."""


@dataclass(frozen=True, slots=True)
class LifecycleConfig:
    """[lifecycle] Starts, ends and health of containers, and the totals of those that ended."""

    enabled: bool = True
    realtime: bool = True
    """Let the thread that reads a container's last counters go before others (SCHED_FIFO): they are
    gone within milliseconds. Needs CAP_SYS_NICE, does without where it has none."""
    identities: int = 2000
    """Containers by name whose totals are kept at most: eleven series each on the page."""
    keep_hours: float = 2.0
    """How long those of one that ended are kept: long enough for any scrape to see them."""

    def __post_init__(self) -> None:
        if self.identities < 1:
            raise ValueError(f"identities = {self.identities}: must be at least 1")
        if self.keep_hours <= 0:
            raise ValueError(f"keep_hours = {self.keep_hours}: must be above 0")


@dataclass(frozen=True, slots=True)
class ProbesConfig:
    """[probes] BPF programs that count what no file says; docs/probes.md lists them."""

    enabled: bool = True
    """Whether any runs."""
    loader: Literal["auto", "libbpf", "bcc"] = "auto"
    """How they are loaded; auto takes bcc only where libbpf can run no program of a probe."""
    on: tuple[str, ...] = ()
    """Probes beside those that run by default."""
    off: tuple[str, ...] = ()
    """Probes that do not run."""
    directory: str = ""
    """"/etc/container-agent/probes.d": probes of one's own, NAME.toml and NAME.c, loaded by bcc;
    see docs/probes.md. Whoever may write there runs code in the kernel. "" has none."""
    sweep: bool = True
    """Read usage, limits and pressure of all cgroups by one walk in the kernel instead of some
    fifteen files each, where that can be."""
    period: float = 60.0
    """Seconds from one window of a high-rate probe to its next, and between two measurements."""
    window: float = 1.5
    """Seconds a window is open. 0: none is opened, and `agent trace` alone uses such probes."""
    budget: float = 0.01
    """CPU seconds a second, of one core, that all probes together may take: the costliest is
    stopped first, and tried again later."""

    def __post_init__(self) -> None:
        if not 1 <= self.period <= 86400:
            raise ValueError(f"period = {self.period}: must be between 1 and 86400 seconds")
        if not 0 <= self.window <= self.period / 4:
            raise ValueError(f"window = {self.window}: must be at most a quarter of the period")
        if not 0 <= self.budget <= 1:
            raise ValueError(f"budget = {self.budget}: must be between 0 and 1 core")


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """[docker] Docker's Engine API, for who may not read its files."""

    socket: str = ""
    """"/run/docker.sock"; "" asks nobody. Whoever may connect to it is root on the host."""

    def __post_init__(self) -> None:
        if self.socket and not self.socket.startswith("/"):
            raise ValueError(f"socket = {self.socket!r}: must be an absolute path")


_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True, slots=True)
class KubernetesConfig:
    """[kubernetes] Owner, requests, labels and annotations of this node's pods."""

    source: Literal["off", "kubelet", "api"] = "off"
    """kubelet: its list of pods, at https://NODE:10250. api: the API server, by list and watch."""
    url: str = ""
    """"https://127.0.0.1:10250"; "https://kubernetes.default.svc"."""
    node: str = ""
    """This node's name, for source = "api"."""
    token_file: str = f"{_ACCOUNT}/token"
    """Read anew for each request; "" sends none."""
    ca_file: str = f"{_ACCOUNT}/ca.crt"
    """Certificates to trust; "" the system's."""
    cert_file: str = ""
    key_file: str = ""
    verify: bool = True
    """Whether the server's certificate is checked. Many kubelets sign their own; whoever answers in
    their place gets the token, so have them sign by the cluster's CA (serverTLSBootstrap)."""
    interval: float = 30.0
    """Seconds between two looks at the kubelet's list."""
    labels: tuple[str, ...] = ()
    """Pod labels to keep; those of the runtime's files are known without."""
    annotations: tuple[str, ...] = ()
    """Pod annotations to keep."""

    def __post_init__(self) -> None:
        if self.source == "off":
            return
        if not self.url:
            raise ValueError(f'source = "{self.source}" needs url')
        check_server(self.url)
        if self.source == "api" and not self.node:
            raise ValueError('source = "api" needs node')
        if not self.interval >= 1:
            raise ValueError(f"interval = {self.interval}: must be at least 1")
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file need each other")


def check_server(url: str) -> None:
    """Raise ValueError unless `url` is https://HOST[:PORT], or http:// to this host itself."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"url = {url!r}: must be https://HOST:PORT")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("url: must be https://HOST:PORT and no more")
    if parts.port == 0:  # raises ValueError for what is no port
        raise ValueError(f"url = {url!r}: 0 is no port")
    try:
        local = parts.hostname == "localhost" or ip_address(parts.hostname).is_loopback
    except ValueError:
        local = False
    if parts.scheme == "http" and not local:
        raise ValueError(f"url = {url!r}: must be https, for a token is sent there")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything. Frozen: a reload makes a new one."""

    paths: HostPaths = field(default_factory=HostPaths)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    logs: LogsConfig = field(default_factory=LogsConfig)
    filesystem: FilesystemConfig = field(default_factory=FilesystemConfig)
    remote_write: RemoteWriteConfig = field(default_factory=RemoteWriteConfig)
    web: WebConfig = field(default_factory=WebConfig)
    lifecycle: LifecycleConfig = field(default_factory=LifecycleConfig)
    probes: ProbesConfig = field(default_factory=ProbesConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    docker: DockerConfig = field(default_factory=DockerConfig)
    kubernetes: KubernetesConfig = field(default_factory=KubernetesConfig)


def split_address(listen: str) -> tuple[str, int]:
    """Split HOST:PORT or [IPV6]:PORT. Port 0 asks the kernel for a free one."""
    host, colon, port = listen.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"listen = {listen!r}: write an IPv6 address in brackets, [::1]:9464")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"listen = {listen!r}: must be HOST:PORT, as in 127.0.0.1:9464")
    return host, int(port)
