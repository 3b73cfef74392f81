"""agent.sources.kubernetes against a strict HTTPS server."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from agent.config import KubernetesConfig
from agent.container.discovery import Discovery
from agent.sources.kubernetes import Pods
from tests.agent.container.tree import Tree
from tests.agent.sources.documents import ID, MIRROR, POD, UID, pod_list
from tests.agent.sources.server import Script, serving
from tests.agent.web.certificates import Authority, Pair
from tests.host.daemon import wait_until

WATCH = "/api/v1/pods"


class Site:
    """An authority, a server's certificate and a token's file."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory / "tls")
        self.pair: Pair = self.authority.issue("node-1", "IP:127.0.0.1")
        self.token = directory / "token"
        self.token.write_text("first\n")

    @contextmanager
    def follow(self, script: Script, **changes: Any) -> Iterator[Pods]:
        with serving(script, pair=self.pair) as url:
            config = KubernetesConfig(
                **{
                    "source": "kubelet",
                    "url": url,
                    "token_file": str(self.token),
                    "ca_file": str(self.authority.own.cert),
                    "labels": ("app",),
                    "interval": 1.0,
                    **changes,
                }
            )
            pods = Pods(config, first_wait=0.02)
            pods.start()
            try:
                yield pods
            finally:
                pods.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


def changed(**metadata: Any) -> dict[str, Any]:
    pod = copy.deepcopy(POD)
    pod["metadata"].update(metadata)
    return pod


def event(kind: str, pod: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": kind, "object": pod})


def test_the_kubelets_list_is_taken_with_the_token(site: Site) -> None:
    script = Script({"/pods": pod_list(POD, MIRROR)}, token="first")
    with site.follow(script) as pods:
        wait_until(lambda: pods.follower.up, 20, "the list")
        found = pods.pod(UID)
        assert found is not None
        assert (found.source, found.labels) == ("kubelet", {"app": "api"})
        # The next list says the same: nobody has to look again.
        before = len(script.asked)
        wait_until(lambda: len(script.asked) > before + 1, 20, "two lists more")
        assert pods.pod(UID) is found
        script.bodies["/pods"] = pod_list()
        wait_until(lambda: pods.pod(UID) is None, 20, "the pod is gone")
    assert set(script.asked) == {"/pods"}


def test_a_token_that_is_replaced_is_used(site: Site) -> None:
    script = Script({"/pods": pod_list(POD)}, token="second")
    with site.follow(script) as pods:
        wait_until(lambda: pods.follower.failures > 0, 20, "the first token is refused")
        assert pods.pod(UID) is None
        site.token.write_text("second\n")
        try:
            wait_until(lambda: pods.pod(UID) is not None, 20, "the second is taken")
        finally:
            site.token.write_text("first\n")


def test_a_server_that_is_not_trusted_gets_no_token(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Authority(tmp_path / "other")
    script = Script({"/pods": pod_list(POD)})
    with site.follow(script, ca_file=str(other.own.cert)) as pods:
        wait_until(lambda: pods.follower.failures > 1, 20, "it is refused twice")
    assert script.asked == []
    assert pods.pod(UID) is None
    said = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert "certificate verify failed" in caplog.text
    assert "first" not in caplog.text


def test_the_api_server_is_listed_once_and_watched_from_there(site: Site) -> None:
    script = Script({WATCH: pod_list(version="900"), f"{WATCH}*": b""}, token="first")
    with site.follow(script, source="api", node="node-1") as pods:
        stream = script.stream()
        assert pods.follower.up
        assert pods.pod(UID) is None
        stream.line(event("ADDED", POD))
        wait_until(lambda: pods.pod(UID) is not None, 20, "the new pod")
        stream.line(event("MODIFIED", changed(labels={"app": "other"}, resourceVersion="930")))
        wait_until(lambda: pods.pod(UID).labels == {"app": "other"}, 20, "it is changed")  # type: ignore[union-attr]
        bookmark = {"kind": "Pod", "metadata": {"resourceVersion": "999"}}
        stream.line(event("BOOKMARK", bookmark))
        stream.end()
        again = script.stream()
        again.line(event("DELETED", POD))
        wait_until(lambda: pods.pod(UID) is None, 20, "it is gone")
    assert script.asked[0] == f"{WATCH}?fieldSelector=spec.nodeName%3Dnode-1"
    assert script.asked[1].endswith("&resourceVersion=900")
    assert script.asked[2].endswith("&resourceVersion=999")
    assert pods.follower.failures == 0


def test_a_version_that_is_too_old_is_listed_anew(site: Site) -> None:
    script = Script({WATCH: pod_list(POD), f"{WATCH}*": b""})
    with site.follow(script, source="api", node="node-1") as pods:
        stream = script.stream()
        stream.line(event("ERROR", {"kind": "Status", "code": 410}))
        script.stream()
        assert pods.pod(UID) is not None
    assert sum("watch=1" not in asked for asked in script.asked) == 2


def test_a_watch_that_breaks_off_is_begun_again_where_it_was(site: Site) -> None:
    script = Script({WATCH: pod_list(POD), f"{WATCH}*": b""})
    with site.follow(script, source="api", node="node-1") as pods:
        stream = script.stream()
        stream.line(event("MODIFIED", changed(resourceVersion="940")))
        stream.cut()
        script.stream()
        assert pods.pod(UID) is not None
    assert script.asked[-1].endswith("&resourceVersion=940")


def test_a_container_that_only_its_path_tells_is_named_by_kubernetes(
    site: Site, tmp_path: Path
) -> None:
    script = Script({"/pods": pod_list(POD)})
    path = f"/kubepods/burstable/pod{UID}/{ID}"
    with site.follow(script) as pods:
        tree = Tree(tmp_path)
        discovery = Discovery(tree.paths, now=lambda: 1.0, pods=pods)
        cgroup = tree.cgroup(path)
        wait_until(lambda: pods.follower.up, 20, "the list")
        found = discovery.container_of(cgroup, tuple)
        assert found is not None
        assert found.title == "shop/api-7d4b9c8f6d-x2z9q/app"
        assert found.requests is not None
        assert found.requests.cpu == 0.25
        # The same object while neither side says anything new.
        assert discovery.container_of(cgroup, tuple) is found
        assert discovery.answered()["kubelet"] == 1
        script.bodies["/pods"] = pod_list(changed(annotations={}, labels={"app": "new"}))
        wait_until(lambda: pods.pod(UID).labels == {"app": "new"}, 20, "the change")  # type: ignore[union-attr]
        changed_one = discovery.container_of(cgroup, tuple)
        assert changed_one is not None
        assert changed_one.pod_labels == {"app": "new"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"url": "http://10.0.0.1:10250"}, "must be https"),
        ({"url": "ftp://node"}, "must be https://HOST:PORT"),
        ({"url": "https://u:p@node"}, "and no more"),
        ({"url": "https://node:x"}, "Port"),
        ({"url": ""}, "needs url"),
        ({"source": "api"}, "needs node"),
        ({"interval": 0.5}, "at least 1"),
        ({"cert_file": "/c"}, "need each other"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        KubernetesConfig(**{"source": "kubelet", "url": "https://node:10250", **changes})
    KubernetesConfig(source="kubelet", url="http://127.0.0.1:8001")
