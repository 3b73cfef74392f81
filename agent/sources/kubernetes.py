"""The pods of this node, from the kubelet or the API server: an optional layer.

    kubelet   GET /pods every `interval` seconds
    api       GET /api/v1/pods?fieldSelector=spec.nodeName=NODE, then a watch from there on

Right   kubelet: nodes/pods (Kubernetes 1.33 and newer), before that nodes/proxy, which lets its
        holder run commands in every pod of the node (CIS Kubernetes 5.1.10). api: list and watch
        of pods, which lets its holder read every pod of the cluster.

The token is read from its file for each request, so one that is replaced is used.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from agent.config import KubernetesConfig
from agent.container.statefile import as_object, child, number, parse_json, text
from agent.container.told import ToldPod
from agent.sources.client import Client, Refused
from agent.sources.follower import FIRST_WAIT, Follower
from agent.sources.pods import Wanted, parse_pod, parse_pods

_WATCH_SECONDS: Final = 300
"""After which the API server is to end a watch, so that a dead connection is found out."""
_GONE: Final = 410
"""The server does not know that version any more: list again."""


class Pods:
    """Follows one of the two. `pod` from any thread."""

    def __init__(
        self,
        config: KubernetesConfig,
        *,
        changed: Callable[[Iterable[ToldPod]], None] | None = None,
        first_wait: float = FIRST_WAIT,
    ) -> None:
        """
        Nothing is asked before `start`. changed: is given all pods when any may have changed, in
        the thread that follows them. first_wait: seconds to the next try after a failure.
        """
        self._changed = changed or (lambda _: None)
        self._first_wait = first_wait
        self._config = config
        self._wanted = Wanted(config.labels, config.annotations)
        self._pods: dict[str, ToldPod] = {}
        """By uid; replaced, or changed by one key."""
        self._client = Client(config.url, tls=self._tls, headers=self._headers)
        api = config.source == "api"
        self._source = "kubernetes-api" if api else "kubelet"
        self.follower = Follower(
            self._source,
            self._watch if api else self._poll,
            self._client.abort,
            first_wait=first_wait,
        )

    def start(self) -> None:
        """Begin to follow."""
        self.follower.start()

    def stop(self) -> None:
        """End it."""
        self.follower.stop()

    def pod(self, uid: str) -> ToldPod | None:
        """One pod by its uid, or by its manifest's hash where it is static."""
        return self._pods.get(uid)

    def _poll(self) -> None:
        while True:
            self._replace(parse_pods(self._client.get("/pods"), self._source, self._wanted).pods)
            self.follower.up = True
            if self.follower.wait(self._config.interval):
                return

    def _watch(self) -> None:
        select = urlencode({"fieldSelector": f"spec.nodeName={self._config.node}"})
        listed = parse_pods(self._client.get(f"/api/v1/pods?{select}"), self._source, self._wanted)
        self._replace(listed.pods)
        self.follower.up = True
        version: str | None = listed.version
        while version is not None and not self.follower.stopping:
            target = (
                f"/api/v1/pods?{select}&watch=1&allowWatchBookmarks=true"
                f"&timeoutSeconds={_WATCH_SECONDS}&resourceVersion={quote(version, safe='')}"
            )
            try:
                version = self._watch_once(target, version)
            except Refused as refused:
                if refused.status != _GONE:
                    raise
                return
            # One that ends at once, or breaks off, is not asked for again in the same instant.
            self.follower.wait(self._first_wait)

    def _watch_once(self, target: str, version: str) -> str | None:
        """Follow one watch to its end; the version to go on from, None for a list anew."""
        for line in self._client.lines(target, quiet=_WATCH_SECONDS + 60.0):
            event = as_object(parse_json(line, self._source), self._source)
            kind, item = text(event, "type"), child(event, "object")
            if kind == "ERROR":
                if number(item, "code") == _GONE:
                    return None
                raise ValueError(f"the watch ends with {number(item, 'code')}")
            version = text(child(item, "metadata"), "resourceVersion") or version
            if kind == "BOOKMARK" or (pod := parse_pod(item, self._source, self._wanted)) is None:
                continue
            if kind == "DELETED":
                self._pods.pop(pod.uid, None)
            elif self._pods.get(pod.uid) != pod:
                self._pods[pod.uid] = pod
            self._changed(self._pods.values())
        return version

    def _replace(self, pods: tuple[ToldPod, ...]) -> None:
        """Take a whole list; what did not change stays the same object."""
        before = self._pods
        now: dict[str, ToldPod] = {}
        for pod in pods:
            known = before.get(pod.uid)
            now[pod.uid] = known if known is not None and known == pod else pod
        self._pods = now
        self._changed(now.values())

    def _headers(self) -> Mapping[str, str]:
        path = self._config.token_file
        if not path:
            return {}
        token = Path(path).read_text(encoding="ascii").strip()
        if not token.isprintable():
            raise OSError(f"{path}: holds what no header may have")
        return {"Authorization": f"Bearer {token}"}

    def _tls(self) -> ssl.SSLContext:
        config = self._config
        context = ssl.create_default_context(cafile=config.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not config.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if config.cert_file:
            context.load_cert_chain(config.cert_file, config.key_file)
        return context
