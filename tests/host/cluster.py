"""Kubernetes in one process each: etcd, API server, controller manager, scheduler.

On loopback, with certificates and tokens of the test's own, RBAC and the node authorizer on. The
node is a real kubelet (kubelet.py) that asks the API server who may ask it what.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.agent.web.certificates import Authority
from tests.host.daemon import Daemon, run
from tests.host.kubernetes_programs import program
from tests.host.packages import Release
from tests.host.ports import free_port

ADMIN = "let-the-admin-in"
NODE_TOKEN = "let-the-node-in"
_USERS = f'{ADMIN},admin,admin,"system:masters"\n{NODE_TOKEN},system:node:node1,n1,"system:nodes"\n'
_SERVICES = "198.51.101.0/24"
"""TEST-NET addresses, which no service here is asked at."""


class Cluster:
    """The control plane."""

    def __init__(self, directory: Path) -> None:
        """Raises `HostUnavailable`."""
        etcd = shutil.which("etcd") or str(Release("trixie").unpack("etcd-server") / "usr/bin/etcd")
        self._kubectl = program("kubectl")
        self._directory = directory
        directory.mkdir()
        authority = Authority(directory / "tls")
        self.ca = authority.own.cert
        self.node = authority.issue("node1", "IP:127.0.0.1,DNS:node1")
        """What the kubelet serves with."""
        server = authority.issue("apiserver", "IP:127.0.0.1,DNS:kubernetes.default.svc")
        accounts = authority.issue("accounts", "DNS:accounts")
        (directory / "tokens.csv").write_text(_USERS)
        client, peer, port = (free_port() for _ in range(3))
        self.url = f"https://127.0.0.1:{port}"
        self._daemons: list[Daemon] = []
        store = f"http://127.0.0.1:{client}"
        self._start(
            *(etcd, f"--data-dir={directory / 'etcd'}", "--unsafe-no-fsync"),
            *(f"--listen-client-urls={store}", f"--advertise-client-urls={store}"),
            *(f"--listen-peer-urls=http://127.0.0.1:{peer}", "--initial-cluster-state=new"),
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
        )
        api = self._start(
            str(program("kube-apiserver")),
            *(f"--etcd-servers={store}", f"--secure-port={port}", "--bind-address=127.0.0.1"),
            *("--advertise-address=198.51.101.254", "--endpoint-reconciler-type=none"),
            f"--service-cluster-ip-range={_SERVICES}",
            *(f"--tls-cert-file={server.cert}", f"--tls-private-key-file={server.key}"),
            *(f"--client-ca-file={self.ca}", f"--token-auth-file={directory / 'tokens.csv'}"),
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={accounts.cert}",
            f"--service-account-signing-key-file={accounts.key}",
            *("--authorization-mode=Node,RBAC", "--allow-privileged=true"),
        )
        api.await_answer(self._is_ready, 90)
        admin = self.kubeconfig("admin", ADMIN)
        self._start(
            str(program("kube-controller-manager")),
            *(f"--kubeconfig={admin}", "--leader-elect=false", "--bind-address=127.0.0.1"),
            *(f"--secure-port={free_port()}", f"--root-ca-file={self.ca}"),
            f"--service-account-private-key-file={accounts.key}",
        )
        self._start(
            str(program("kube-scheduler")),
            *(f"--kubeconfig={admin}", "--leader-elect=false", "--bind-address=127.0.0.1"),
            f"--secure-port={free_port()}",
        )

    def kubeconfig(self, name: str, token: str) -> Path:
        """A file with which a client is who the token says."""
        file = self._directory / f"{name}.kubeconfig"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": self.url, "certificate-authority": str(self.ca)},
                }
            ],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "current-context": "test",
        }
        file.write_text(json.dumps(document))
        return file

    def node_settings(self) -> dict[str, object]:
        """Keys of the kubelet's configuration: the API server says who may ask it."""
        return {
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True, "cacheTTL": "1s"},
                "x509": {"clientCAFile": str(self.ca)},
            },
            "authorization": {
                "mode": "Webhook",
                "webhook": {"cacheAuthorizedTTL": "1s", "cacheUnauthorizedTTL": "1s"},
            },
            "tlsCertFile": str(self.node.cert),
            "tlsPrivateKeyFile": str(self.node.key),
            "clusterDomain": "cluster.local",
        }

    def kubectl(self, *arguments: str, data: object = None) -> str:
        """What kubectl prints, asked by the admin. data: a manifest for its standard input."""
        return run(
            [
                str(self._kubectl),
                f"--kubeconfig={self._directory / 'admin.kubeconfig'}",
                f"--cache-dir={self._directory / 'kubectl'}",
                *arguments,
            ],
            data=None if data is None else json.dumps(data).encode(),
            timeout=60,
        )

    def apply(self, *manifests: Any) -> None:
        """Create or change these."""
        self.kubectl(
            "apply", "-f", "-", data={"apiVersion": "v1", "kind": "List", "items": manifests}
        )

    def read(self, *what: str) -> Any:
        """An object, or a list of them."""
        return json.loads(self.kubectl("get", *what, "-o", "json"))

    def close(self) -> None:
        """End them, the last started first."""
        with contextlib.ExitStack() as closing:
            for daemon in self._daemons:
                closing.callback(daemon.stop)

    def _start(self, *argv: str) -> Daemon:
        log = self._directory / f"{Path(argv[0]).name}.log"
        daemon = Daemon(argv, log)
        self._daemons.append(daemon)
        return daemon

    def _is_ready(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.ca))
        request = urllib.request.Request(
            f"{self.url}/readyz", headers={"Authorization": f"Bearer {ADMIN}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5, context=context) as answer:
                body: bytes = answer.read()
                return body == b"ok"
        except OSError:
            return False
