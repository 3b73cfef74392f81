"""Where logs can go: one section [[logs.destination]] each. Part of `agent.config`.

What is secret is in files, read anew for each connection or request: it is in no message and on no
page, and a token that is replaced is used.
"""

from __future__ import annotations

import re
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

from agent.file_destination import FileDestination
from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class ForwardServer:
    """[[logs.destination.server]] One more server of a "fluentd" destination."""

    host: str = ""
    port: int = 24224
    weight: int = 1
    """Its share of the connections among those that are alive."""
    standby: bool = False
    """Used only while no other server takes connections."""

    def __post_init__(self) -> None:
        _check_range(self, "port", 1, 65535)
        _check_range(self, "weight", 1, 1_000_000)


@dataclass(frozen=True, slots=True)
class FluentdDestination:
    """[[logs.destination]] type = "fluentd": the Forward protocol, acknowledged."""

    type: Literal["fluentd"] = "fluentd"
    host: str = "127.0.0.1"
    port: int = 24224
    weight: int = 1
    server: tuple[ForwardServer, ...] = ()
    """Further servers: one connection at a time, to one of them by weight."""
    tag: str = "container"
    ack_timeout: float = 60.0
    """Seconds. After it the connection is closed and the chunks are sent again."""
    chunk_bytes: int = 1024 * 1024
    """Uncompressed bytes of one chunk. Fluent Bit's in_forward refuses over 6,144,000."""
    compression: Literal["none", "gzip", "zstd"] = "none"
    """gzip: a third to a sixth of the bytes on the wire, for more CPU than all the rest takes.
    zstd: fewer still, for half of that; Fluentd takes it from 1.19 on, Fluent Bit 5.1 does."""
    shared_key_file: str = ""
    """For a server with <security>: both sides prove that they have the same key."""
    username: str = ""
    password_file: str = ""
    self_hostname: str = ""
    """The name this agent gives in the handshake; "": the host's. Must not be the server's own."""
    tls: bool = False
    tls_server_name: str = ""
    """The name the server's certificate must have; "": the host connected to."""
    ca_file: str = ""
    """Certificates to trust instead of the system's."""
    cert_file: str = ""
    key_file: str = ""

    def __post_init__(self) -> None:
        _check_range(self, "port", 1, 65535)
        _check_range(self, "weight", 1, 1_000_000)
        if self.ack_timeout <= 0:
            raise ValueError(f"ack_timeout = {self.ack_timeout}: must be above 0 s")
        _check_range(self, "chunk_bytes", 16 * 1024, 2 * 1024 * 1024)
        if self.username and not self.shared_key_file:
            raise ValueError("username needs shared_key_file: Forward has no login without a key")
        if self.self_hostname and not self.shared_key_file:
            raise ValueError("self_hostname needs shared_key_file: only a handshake says it")
        _check_pairs(self)
        for name in ("tls_server_name", "ca_file", "cert_file"):
            if getattr(self, name) and not self.tls:
                raise ValueError(f"{name} needs tls = true")
        if not all(one.host for one in self.server):
            raise ValueError("server: each needs a host")
        places = [(self.host, self.port), *((one.host, one.port) for one in self.server)]
        for host, port in {place for place in places if places.count(place) > 1}:
            raise ValueError(f"server {host}:{port} is there twice; use weight")

    @property
    def name(self) -> str:
        """What it is called in series and messages."""
        return f"fluentd {self.host}:{self.port}"

    @property
    def servers(self) -> tuple[ForwardServer, ...]:
        """All servers, the first one first."""
        return (ForwardServer(self.host, self.port, self.weight), *self.server)


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """The keys that every destination over HTTP has."""

    timeout: float = 30.0
    """Seconds for one request, from its first byte to the last of its answer."""
    gzip: bool = True
    headers: tuple[str, ...] = ()
    """"NAME: VALUE"."""
    username: str = ""
    password_file: str = ""
    bearer_token_file: str = ""
    ca_file: str = ""
    """Certificates to trust instead of the system's."""
    cert_file: str = ""
    key_file: str = ""


@dataclass(frozen=True, slots=True)
class ElasticsearchDestination(HttpOptions):
    """[[logs.destination]] type = "elasticsearch": the bulk API; OpenSearch has the same."""

    type: Literal["elasticsearch"] = "elasticsearch"
    urls: tuple[str, ...] = ("http://127.0.0.1:9200",)
    """Nodes. One is used at a time; another when it fails."""
    index: str = "logs-containers-default"
    """Index or data stream. {date} is the entry's day in UTC (2026.11.24), {week} its ISO week
    (2026.48), {month} and {year} (2026.11, 2026); {namespace}, {pod}, {container_name}, {runtime}
    and {image} are the container's; what it has not is "none"."""
    schema: Literal["flat", "ecs"] = "flat"
    """What fields are called: as everywhere in this agent, or as Elastic Common Schema and Filebeat
    have it (container.id, kubernetes.pod.name, log.level)."""
    pipeline: str = ""
    """The ingest pipeline that each document goes through; "": what the index says."""
    api_key_file: str = ""
    """Holds the encoded key, for "Authorization: ApiKey"."""
    chunk_bytes: int = 2 * 1024 * 1024
    """Uncompressed bytes of one request."""
    dead_letters: str = "/var/lib/container-agent/dead-letters.jsonl"
    """Documents refused for good, with the reason; "" keeps none. Written twice before the oldest
    go: this file and one rotated file."""
    dead_letters_max_bytes: int = 16 * 1024 * 1024

    def __post_init__(self) -> None:
        _check_http(self, *self.urls)
        if not self.urls:
            raise ValueError("urls: names no node")
        _check_range(self, "chunk_bytes", 16 * 1024, 8 * 1024 * 1024)
        _check_range(self, "dead_letters_max_bytes", 64 * 1024, 1 << 40)
        if self.dead_letters and not self.dead_letters.startswith("/"):
            raise ValueError(f"dead_letters = {self.dead_letters!r}: must be an absolute path")
        if self.api_key_file and (self.username or self.bearer_token_file):
            raise ValueError("either api_key_file, password_file or bearer_token_file")
        known = (*INDEX_DATES, *INDEX_FIELDS)
        if set(re.findall(r"\{(.*?)\}", self.index)) - set(known) or not self.index:
            raise ValueError(f"index = {self.index!r}: known are {{{'}, {'.join(known)}}}")

    @property
    def name(self) -> str:
        """What it is called in series and messages."""
        return f"elasticsearch {_place(self.urls[0])} {self.index}"


INDEX_DATES: Final = {"date": "%Y.%m.%d", "week": "%G.%V", "month": "%Y.%m", "year": "%Y"}
"""What `index` may hold of an entry's time, and its form."""
INDEX_FIELDS: Final = ("namespace", "pod", "container_name", "runtime", "image")
"""And of its container: few different values, so that a cluster does not drown in indices."""


@dataclass(frozen=True, slots=True)
class GraylogDestination(HttpOptions):
    """[[logs.destination]] type = "graylog": GELF. Only http is acknowledged."""

    type: Literal["graylog"] = "graylog"
    url: str = "http://127.0.0.1:12201/gelf"
    """http(s)://HOST:PORT/gelf, tcp://HOST:PORT, tls://HOST:PORT or udp://HOST:PORT."""
    host_name: str = ""
    """The "host" of every message; "": the host's name."""
    chunk_bytes: int = 512 * 1024
    bulk: bool = False
    """The HTTP input has "Bulk Receiving" on: a request carries a whole chunk. Without it each line
    is a request, which costs 0.3 ms of CPU."""
    datagram_bytes: int = 1420
    """Of one UDP datagram: what an Ethernet frame takes. 8192 at most."""

    def __post_init__(self) -> None:
        _check_http(self, self.url, schemes=("http", "https", "tcp", "tls", "udp"))
        _check_range(self, "chunk_bytes", 16 * 1024, 8 * 1024 * 1024)
        _check_range(self, "datagram_bytes", 512, 8192)
        parts = urlsplit(self.url)
        if parts.scheme in ("tcp", "tls", "udp"):
            if parts.port is None or parts.path.strip("/"):
                raise ValueError(f"url: write {parts.scheme}://HOST:PORT")
            if self.headers or self.username or self.bearer_token_file:
                raise ValueError(f"url: {parts.scheme} has no headers and no login")

    @property
    def name(self) -> str:
        """What it is called in series and messages."""
        return f"graylog {_place(self.url)}"


@dataclass(frozen=True, slots=True)
class LokiDestination(HttpOptions):
    """[[logs.destination]] type = "loki": Grafana Loki's push API."""

    type: Literal["loki"] = "loki"
    url: str = "http://127.0.0.1:3100/loki/api/v1/push"
    tenant: str = ""
    """X-Scope-OrgID; "" sends none."""
    job: str = "container-agent"
    """The label job of every stream."""
    labels: tuple[str, ...] = ("namespace", "pod", "container_name", "stream")
    """Fields that are labels beside job. Each different set of values is a stream of its own that
    costs the server memory: nothing that changes from line to line."""
    structured_metadata: tuple[str, ...] = (
        *("container_id", "image", "pod_uid", "runtime"),
        *("level", "note"),
    )
    """Fields that are structured metadata, which a Loki before 3.0 may refuse: [] sends none."""
    max_line_bytes: int = 256 * 1024
    """Longer lines are cut here, and say so: Loki's max_line_size refuses them whole."""
    chunk_bytes: int = 1024 * 1024
    """Uncompressed bytes of one request. Loki takes 4 MB of lines in a second by default."""

    def __post_init__(self) -> None:
        _check_http(self, self.url)
        _check_range(self, "chunk_bytes", 16 * 1024, 4 * 1024 * 1024)
        _check_range(self, "max_line_bytes", 1024, 1 << 30)
        if not self.job:
            raise ValueError("job: must not be empty, since a stream needs one label")
        _check_fields("labels", self.labels)
        _check_fields("structured_metadata", self.structured_metadata)
        if "\n" in self.tenant or "\r" in self.tenant:
            raise ValueError("tenant: must be one line")

    @property
    def name(self) -> str:
        """What it is called in series and messages."""
        return f"loki {_place(self.url)}" + (f" {self.tenant}" if self.tenant else "")


@dataclass(frozen=True, slots=True)
class OtlpDestination(HttpOptions):
    """[[logs.destination]] type = "otlp": OTLP/HTTP, in JSON."""

    type: Literal["otlp"] = "otlp"
    url: str = "http://127.0.0.1:4318/v1/logs"
    chunk_bytes: int = 1024 * 1024
    """Uncompressed bytes of one request."""

    def __post_init__(self) -> None:
        _check_http(self, self.url)
        _check_range(self, "chunk_bytes", 16 * 1024, 8 * 1024 * 1024)

    @property
    def name(self) -> str:
        """What it is called in series and messages."""
        return f"otlp {_place(self.url)}"


Destination = (
    FileDestination
    | FluentdDestination
    | ElasticsearchDestination
    | GraylogDestination
    | LokiDestination
    | OtlpDestination
)

DESTINATIONS: Final[dict[str, type[Destination]]] = {
    "file": FileDestination,
    "fluentd": FluentdDestination,
    "elasticsearch": ElasticsearchDestination,
    "graylog": GraylogDestination,
    "loki": LokiDestination,
    "otlp": OtlpDestination,
}
"""By the key `type`."""


def _place(url: str) -> str:
    """The address without its query, in which some services want a key."""
    return url.partition("?")[0]


class _HasPairs(Protocol):
    @property
    def username(self) -> str: ...
    @property
    def password_file(self) -> str: ...
    @property
    def cert_file(self) -> str: ...
    @property
    def key_file(self) -> str: ...


def _check_pairs(options: _HasPairs) -> None:
    for one, other in (("username", "password_file"), ("cert_file", "key_file")):
        if bool(getattr(options, one)) != bool(getattr(options, other)):
            raise ValueError(f"{one} and {other} need each other")


def _check_http(
    options: HttpOptions, *urls: str, schemes: tuple[str, ...] = ("http", "https")
) -> None:
    for url in urls:
        check_url(url, schemes)
    if not options.timeout >= 1:
        raise ValueError(f"timeout = {options.timeout}: must be at least 1")
    check_headers(options.headers)
    _check_pairs(options)
    if options.username and options.bearer_token_file:
        raise ValueError("either password_file or bearer_token_file")


def check_url(url: str, schemes: tuple[str, ...] = ("http", "https")) -> None:
    """Refuse what is no URL of a server. Never quotes it: there may be a password in it."""
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError as error:
        raise ValueError(f"url: {error}") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"url: must be {' or '.join(f'{scheme}://HOST' for scheme in schemes)}…")
    if parts.username is not None:
        raise ValueError("url: holds a user name; use username and password_file")
    if any(character <= " " for character in url):
        raise ValueError("url: holds a blank")


def check_headers(headers: tuple[str, ...]) -> None:
    """Refuse what is no header, and those with keys of their own."""
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon or not re.fullmatch("[A-Za-z0-9-]+", name) or set("\r\n") & set(value):
            raise ValueError('headers: write "NAME: VALUE"')
        if name.lower() == "authorization":
            raise ValueError("headers: for Authorization there are the _file keys")


def _check_fields(key: str, names: tuple[str, ...]) -> None:
    for name in names:
        if not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name):
            raise ValueError(f"{key}: {name!r}: must be the name of a field")


def _check_range(section: object, key: str, least: int, most: int) -> None:
    value = getattr(section, key)
    if not least <= value <= most:
        raise ValueError(f"{key} = {value}: must be {least} to {most}")
