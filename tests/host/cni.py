"""A network for pods, in namespaces of the test's own: what a CNI plugin gives, and nothing else.

Every pod gets `lo` and an `eth0` whose other end is in a "node" namespace that one sleeping
process holds; addresses are TEST-NET-2's (RFC 5737). The machine's own namespace has no part in it.
The plugin is a shell script, run by containerd: https://www.cni.dev/docs/spec/.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.host.daemon import Daemon, need_root, run, wait_until

_PLUGIN = """\
#!/bin/sh -e
config=$(cat)
version=$(printf %s "$config" | sed -n 's/.*"cniVersion":"\\([^"]*\\)".*/\\1/p')
result() {
    printf '{"cniVersion":"%s","interfaces":[{"name":"%s","sandbox":"%s"}],' \\
        "$version" "$CNI_IFNAME" "$CNI_NETNS"
    printf '"ips":[{"version":"4","address":"%s","interface":0}]}' "$1"
}
inside() { nsenter --net="$CNI_NETNS" "$@"; }
case $CNI_COMMAND in
VERSION) printf '{"cniVersion":"0.4.0","supportedVersions":["0.3.1","0.4.0","1.0.0"]}' ;;
CHECK) ;;
DEL) ;; # the wire goes with the namespace
ADD)
    if [ "$CNI_IFNAME" = lo ]; then
        inside ip link set lo up
        result 127.0.0.1/8
        exit
    fi
    exec 9>{counter}.lock
    flock 9
    number=$(($(cat {counter}) + 1))
    echo $number >{counter}
    inside ip link add "$CNI_IFNAME" type veth peer name veth$number netns {node}
    inside ip addr add 198.51.100.$((number * 4 + 2))/30 dev "$CNI_IFNAME"
    inside ip link set "$CNI_IFNAME" up
    nsenter --net=/proc/{node}/ns/net ip addr add 198.51.100.$((number * 4 + 1))/30 dev veth$number
    nsenter --net=/proc/{node}/ns/net ip link set veth$number up
    result 198.51.100.$((number * 4 + 2))/30 ;;
esac
"""


class PodNetwork:
    """The plugin's directories, and the namespace at the other end of every pod's wire."""

    def __init__(self, directory: Path) -> None:
        need_root("ip", "nsenter", "unshare", "flock", "busybox")
        self.plugins = directory / "bin"
        self.configuration = directory / "net.d"
        self.plugins.mkdir(parents=True)
        self.configuration.mkdir()
        self._node = Daemon(
            ["unshare", "--net", "sh", "-c", f"exec sleep 100000 # {directory}"],
            directory / "node.log",
        )
        pid = self._node.process.pid
        own = Path("/proc/self/ns/net").stat().st_ino
        wait_until(lambda: Path(f"/proc/{pid}/ns/net").stat().st_ino != own, 5, "a namespace")
        (directory / "counter").write_text("0")
        script = _PLUGIN.replace("{counter}", str(directory / "counter"))
        for name in ("loopback", "agent-test"):
            plugin = self.plugins / name
            plugin.write_text(script.replace("{node}", str(pid)))
            plugin.chmod(0o755)
        (self.configuration / "agent-test.conf").write_text(
            json.dumps({"cniVersion": "0.4.0", "name": "agent-test", "type": "agent-test"})
        )

    def ping(self, address: str, count: int, size: int = 56) -> None:
        """Send a pod some packets from the node's side."""
        subprocess.run(
            [
                *("nsenter", f"--net=/proc/{self._node.process.pid}/ns/net"),
                *("busybox", "ping", "-c", str(count), "-i", "0.1", "-s", str(size), address),
            ],
            check=True,
            capture_output=True,
            timeout=30,
        )

    def pinging(self, address: str, log: Path) -> Daemon:
        """Send a pod five packets a second for ten minutes at most, until it is stopped."""
        node = f"--net=/proc/{self._node.process.pid}/ns/net"
        return Daemon(
            ["nsenter", node, "busybox", "ping", "-q", "-c", "3000", "-i", "0.2", address], log
        )

    def address(self, pid: int) -> str:
        """The address of eth0 in the namespace of `pid`."""
        shown = run(
            [
                *("nsenter", f"--net=/proc/{pid}/ns/net"),
                *("ip", "-json", "-family", "inet", "addr", "show", "eth0"),
            ]
        )
        address = json.loads(shown)[0]["addr_info"][0]["local"]
        assert isinstance(address, str)
        return address

    def close(self) -> None:
        self._node.stop()
