"""The tcp, bytes and dns probes on this kernel, through both loaders: exact counts of real
containers that are joined by a wire of their own, or are on the host's network.

`client` and `server` do what they are told, `idle` nothing: whatever it has is another's.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from agent.bpf import dns
from agent.bpf.dns import DNS
from agent.bpf.dns_counts import NOTHING as NO_QUERY
from agent.bpf.dns_counts import DnsCounts
from agent.bpf.loader import ProbeUnavailable, open_probe
from agent.bpf.probe import Kind, Probe
from agent.bpf.probeset import LOADERS
from agent.bpf.tcp import TCP
from agent.bpf.tcp_counts import TcpCounts, nothing
from agent.bpf.traffic import BYTES
from agent.bpf.traffic_counts import NOTHING as NO_TRAFFIC
from agent.bpf.traffic_counts import Traffic
from tests.agent.bpf import dns_server
from tests.agent.bpf.talker import Talker
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost
from tests.host.handle import Network
from tests.host.veth import ADDRESSES, connect, inside, need_ip

pytestmark = pytest.mark.host

NO_TCP = nothing(TCP.programs.features)
NUMBERS = (
    *("connects", "accepts", "resets_sent", "resets_received", "retransmits"),
    *("bytes_sent", "bytes_retransmitted", "bytes_received"),
)


@dataclass(frozen=True)
class Trio:
    """Three containers, and where the server is to listen."""

    client: Talker
    server: Talker
    idle: Talker
    address: str

    @property
    def family(self) -> str:
        """For the Python that is told."""
        return "socket.AF_INET6" if ":" in self.address else "socket.AF_INET"

    def listen(self) -> int:
        """Have the server listen as `listener`; return the port."""
        return cast(
            "int",
            self.server.do(
                f"listener = socket.create_server(({self.address!r}, 0), family={self.family},"
                " backlog=64); answer = listener.getsockname()[1]"
            ),
        )


@pytest.fixture(scope="module")
def talkers(
    docker_host: DockerHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Network], tuple[Talker, Talker, Talker]]]:
    """Client, server and idle one on a network, started once for the module."""
    directory = tmp_path_factory.mktemp("talkers")
    found: dict[Network, tuple[Talker, Talker, Talker]] = {}
    with ExitStack() as started:

        def start(network: Network, role: str) -> Talker:
            name = f"bpf-{network}-{role}"
            talker = Talker(docker_host, name, network, directory / name)
            started.callback(talker.end)
            return talker

        def get(network: Network) -> tuple[Talker, Talker, Talker]:
            if network not in found:
                client, server = start(network, "client"), start(network, "server")
                found[network] = client, server, start(network, "idle")
                if network == "none":
                    connect(client.pid, server.pid)
            return found[network]

        yield get


@pytest.fixture(params=["wire", "host", "host-ipv6"])
def trio(
    request: pytest.FixtureRequest,
    talkers: Callable[[Network], tuple[Talker, Talker, Talker]],
) -> Trio:
    need_ip()
    address = {"wire": ADDRESSES[1], "host": "127.0.0.1", "host-ipv6": "::1"}[request.param]
    if address == "::1" and address not in run("ip", "-6", "address", "show", "dev", "lo"):
        pytest.skip("the host's loopback has no IPv6")
    return Trio(*talkers("none" if request.param == "wire" else "host"), address)


@pytest.fixture(scope="module")
def opened() -> Iterator[Callable[[Kind[Any], str], Probe[Any]]]:
    """The running probe of a kind by a loader, opened once for the module."""
    probes: dict[tuple[str, str], Probe[Any]] = {}

    def get(kind: Kind[Any], loader: Any) -> Probe[Any]:
        if (kind.name, loader) not in probes:
            try:
                probes[kind.name, loader] = open_probe(kind, loader)
            except ProbeUnavailable as unavailable:
                pytest.skip(unavailable.reason)
        probe = probes[kind.name, loader]
        assert (probe.loader, dict(probe.off), probe.reasons) == (loader, {}, ())
        return probe

    yield get
    for probe in probes.values():
        probe.close()


@pytest.fixture(params=LOADERS)
def tcp(request: pytest.FixtureRequest, opened: Any) -> Probe[TcpCounts]:
    return cast("Probe[TcpCounts]", opened(TCP, request.param))


@pytest.fixture(params=LOADERS)
def traffic(request: pytest.FixtureRequest, opened: Any) -> Probe[Traffic]:
    return cast("Probe[Traffic]", opened(BYTES, request.param))


@pytest.fixture(params=LOADERS)
def queries(request: pytest.FixtureRequest, opened: Any) -> Probe[DnsCounts]:
    return cast("Probe[DnsCounts]", opened(DNS, request.param))


def run(*arguments: str) -> str:
    return subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=30).stdout


def counted(probe: Probe[TcpCounts], talker: Talker) -> TcpCounts:
    reading = probe.read()
    assert reading.dropped == {"tcp": 0, "starting": 0}
    return reading.of(talker.cgroup)


def since(before: TcpCounts, after: TcpCounts) -> dict[str, Any]:
    """What was counted between, but for times, and only what is not 0."""
    assert before.failures is not None
    assert after.failures is not None
    numbers = {name: getattr(after, name) - getattr(before, name) for name in NUMBERS}
    numbers |= {name: count - before.failures[name] for name, count in after.failures.items()}
    for name in ("connect_latency", "rtt"):
        numbers[name] = getattr(after, name).total - getattr(before, name).total
    return {name: number for name, number in numbers.items() if number}


RECEIVE_ALL = """
for each in accepted:
    left = 1009
    while left:
        left -= len(each.recv(left))
"""
# Seven are aborted, with a reset each; six are closed in order.
CLOSE = """
import struct
for each in made[:7]:
    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
for each in made:
    each.close()
"""
SEE_THE_END = """
for each in accepted:
    try:
        assert each.recv(1) == b""
    except ConnectionResetError:
        pass
    each.close()
"""


def test_13_connects_and_7_resets_are_counted_where_they_were(
    trio: Trio, tcp: Probe[TcpCounts]
) -> None:
    before = [counted(tcp, each) for each in (trio.client, trio.server)]
    address, port = trio.address, trio.listen()
    trio.client.do(f"made = [socket.create_connection(({address!r}, {port})) for _ in range(13)]")
    trio.server.do("accepted = [listener.accept()[0] for _ in range(13)]; listener.close()")
    trio.client.do("for each in made: each.sendall(bytes(1009))")
    trio.server.do(RECEIVE_ALL)
    trio.client.do(CLOSE)
    trio.server.do(SEE_THE_END)
    trio.client.do(f"""
for _ in range(5):
    try:
        socket.create_connection(({address!r}, {port}))
    except ConnectionRefusedError:
        pass
""")

    def all_closed() -> bool:
        return since(before[0], counted(tcp, trio.client)).get("rtt") == 13

    wait_until(all_closed, 10, "the client's last close")
    assert since(before[0], counted(tcp, trio.client)) == {
        "connects": 13,
        "connect_latency": 13,
        "refused": 5,
        "resets_sent": 7,
        # One for each refusal.
        "resets_received": 5,
        "bytes_sent": 13 * 1009,
        "rtt": 13,
    }
    assert since(before[1], counted(tcp, trio.server)) == {
        "accepts": 13,
        "resets_received": 7,
        "bytes_received": 13 * 1009,
        "rtt": 13,
    }
    assert counted(tcp, trio.idle) == NO_TCP


@pytest.mark.parametrize("trio", ["wire"], indirect=True)
def test_what_is_sent_again_is_the_namespaces_own_count(trio: Trio, tcp: Probe[TcpCounts]) -> None:
    """The server's answers go to a station that is not there, until they do not."""
    port = trio.listen()
    trio.client.do(f"kept = socket.create_connection(({trio.address!r}, {port}))")
    trio.server.do("accepted = listener.accept()[0]")
    talkers = (trio.client, trio.server)
    before = [counted(tcp, each) for each in talkers]
    segments = [retransmitted(each) for each in talkers]
    neighbour = ("neigh", "replace", ADDRESSES[0], "dev", "eth0", "nud", "permanent")
    within = inside(trio.server.pid)
    run(*within, "ip", *neighbour, "lladdr", "02:00:00:00:00:99")
    sent = trio.client.do(f"""
kept.setblocking(False)
answer = kept.send(bytes(300_000))

def begin(address, attempts):
    new = socket.socket()
    new.setblocking(False)
    new.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, attempts)
    new.connect_ex((address, {port}))
    return new

unanswered = [begin({trio.address!r}, 1) for _ in range(3)]
nobody = [begin("192.0.2.77", 6) for _ in range(2)]
begin({trio.address!r}, 6).close()
""")

    def failed() -> bool:
        done = since(before[0], counted(tcp, trio.client))
        return (done.get("timed_out"), done.get("unreachable")) == (3, 2)

    wait_until(failed, 20, "the end of the attempts")
    run(*within, "ip", "neigh", "del", ADDRESSES[0], "dev", "eth0")
    trio.server.do(f"""
left = {sent}
while left:
    left -= len(accepted.recv(left))
""")
    # Half-open connections give up by themselves; the client has sent what it had to.
    wait_until(lambda: "unacked" not in shown(trio.client), 20, "the last acknowledgement")
    client = since(before[0], counted(tcp, trio.client))
    again = retransmitted(trio.client) - segments[0]
    assert client.pop("retransmits") == again
    assert client == {"timed_out": 3, "unreachable": 2, "given_up": 1}
    # "retrans:0/14": in flight, and in all; and a SYN of each attempt that timed out.
    of_the_kept = int(shown(trio.client).partition("retrans:0/")[2].split()[0])
    assert again >= of_the_kept + 3 > 3
    answered_again = since(before[1], counted(tcp, trio.server))
    assert answered_again["retransmits"] >= 3, "SYN-ACKs"
    trio.client.do("kept.close()")
    trio.server.do("accepted.close(); listener.close()")


def shown(talker: Talker) -> str:
    """What ss says of the connections."""
    return run(*inside(talker.pid), "ss", "-Htin", "state", "established")


def retransmitted(talker: Talker) -> int:
    names, values = (
        line.split()
        for line in Path(f"/proc/{talker.pid}/net/snmp").read_text().splitlines()
        if line.startswith("Tcp: ")
    )
    return int(values[names.index("RetransSegs")])


def test_101_datagrams_are_counted_with_their_bytes(trio: Trio, traffic: Probe[Traffic]) -> None:
    """Small ones, which the receiver's buffer has room for."""
    port = trio.server.do(
        f"heard = socket.socket({trio.family}, socket.SOCK_DGRAM);"
        f" heard.bind(({trio.address!r}, 0)); answer = heard.getsockname()[1]"
    )
    send = f"""
with socket.socket({trio.family}, socket.SOCK_DGRAM) as speaker:
    for _ in range(HOW_MANY):
        speaker.sendto(bytes(200), ({trio.address!r}, {port}))
"""
    # The first one waits for its neighbour's address.
    trio.client.do(send.replace("HOW_MANY", "1"))
    trio.server.do("heard.recv(2000)")
    before = traffic.read()
    trio.client.do(send.replace("HOW_MANY", "101"))
    trio.server.do("for _ in range(101): assert len(heard.recv(2000)) == 200\nheard.close()")
    after = traffic.read()
    size = 200 + 8 + (40 if ":" in trio.address else 20)

    def difference(talker: Talker) -> Traffic:
        old, new = before.of(talker.cgroup), after.of(talker.cgroup)
        return Traffic(
            new.received_bytes - old.received_bytes,
            new.received_packets - old.received_packets,
            new.sent_bytes - old.sent_bytes,
            new.sent_packets - old.sent_packets,
        )

    assert difference(trio.client) == Traffic(0, 0, 101 * size, 101)
    assert difference(trio.server) == Traffic(101 * size, 101, 0, 0)
    assert after.of(trio.idle.cgroup) == NO_TRAFFIC
    assert after.dropped == {"bytes": 0}


ASK = """
import struct
def ask(label, number, wait=True, by=None):
    by = by or socket.socket({family}, socket.SOCK_DGRAM)
    by.settimeout(20)
    name = bytes([len(label)]) + label + b"\\4test\\0"
    query = struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + name + b"\\0\\1\\0\\1"
    by.sendto(query, ({address!r}, 53))
    if wait:
        by.recv(512)
    return by
"""


def test_queries_are_told_with_their_codes_and_times(trio: Trio, queries: Probe[DnsCounts]) -> None:
    # A loopback's address of its own, where the host's resolver is not.
    address = {"127.0.0.1": "127.53.0.99"}.get(trio.address, trio.address)
    with name_server(trio, address):
        trio.client.do(ASK.format(family=trio.family, address=address))
        # What the other loader's test left.
        dns.expire(queries.maps, 1 << 63)
        before = queries.read()
        trio.client.do("""
for number in range(5): ask(b"ok", number)
for number in range(3): ask(b"nx", number)
for number in range(2): ask(b"fail", number)
slow = ask(b"slow", 7)
twice = ask(b"twice", 7)
twice.recv(512)
silent = [ask(b"silent", 9, wait=False), ask(b"silent", 9, wait=False)]
ask(b"silent", 9, wait=False, by=silent[0])
""")
        early = queries.read()
        assert early.of(trio.client.cgroup).timeouts == before.of(trio.client.cgroup).timeouts
        dns.expire(queries.maps, 1 << 63)
        after = queries.read()
    old, new = before.of(trio.client.cgroup), after.of(trio.client.cgroup)
    responses = {code: count - old.responses.get(code, 0) for code, count in new.responses.items()}
    assert responses == {"NOERROR": 7, "NXDOMAIN": 3, "SERVFAIL": 2}
    assert (new.queries - old.queries, new.retries - old.retries) == (14, 1)
    assert new.timeouts - old.timeouts == 2
    assert new.latency.total - old.latency.total == 12
    assert new.latency.ns - old.latency.ns >= dns_server.SLOW * 1e9
    # Up to 65 ms and up to 262 ms.
    slower = [
        count - was for count, was in zip(new.latency.counts, old.latency.counts, strict=True)
    ]
    assert sum(slower[7:]) >= 1
    # The server is the test's own process, and answers are no queries.
    assert after.of(trio.idle.cgroup) == after.of(trio.server.cgroup) == NO_QUERY
    assert after.dropped == {"dns": 0, "waiting": 0}
    queries.forget([trio.client.cgroup])
    assert queries.read().of(trio.client.cgroup) == NO_QUERY


class name_server:  # noqa: N801 used like a function
    """Answers where the client asks, in its network namespace, as long as the block runs."""

    def __init__(self, trio: Trio, address: str) -> None:
        # On a wire the client's own side of it cannot be the server's; its loopback can.
        within = inside(trio.client.pid if trio.address != ADDRESSES[1] else trio.server.pid)
        self._process = subprocess.Popen(
            [*within, sys.executable, dns_server.__file__, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> None:
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            pytest.skip("port 53 is taken")

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
