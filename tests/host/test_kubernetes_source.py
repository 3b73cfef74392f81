"""A real pod's series with what Kubernetes says of it; the kubelet is a strict HTTPS server."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.agent.sources.documents import POD, pod_list
from tests.agent.sources.server import Script, serving
from tests.agent.web.certificates import Authority
from tests.host.agent import agent_run
from tests.host.cri import CriHost
from tests.host.daemon import wait_until

pytestmark = pytest.mark.host


def test_a_real_pod_has_its_requests_owner_and_labels(cri_host: CriHost, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls")
    token = tmp_path / "token"
    token.write_text("let-me-in\n")
    pod = cri_host.run_pod("asked")
    document = copy.deepcopy(POD)
    document["metadata"] |= {"name": "asked", "namespace": "test", "uid": pod.uid}
    script = Script({"/pods": pod_list(document)}, token="let-me-in")
    try:
        cri_host.start(pod, "app", ["/bin/sh", "-c", "sleep 1000"])
        with serving(script, pair=authority.issue("node", "IP:127.0.0.1")) as url:
            settings = (
                *(f"kubernetes.url={url}", "kubernetes.source=kubelet"),
                *(f"kubernetes.token_file={token}", "kubernetes.labels=['app']"),
                *(f"kubernetes.ca_file={authority.own.cert}", "logs.enabled=false"),
                *(f"paths.containerd=['{cri_host.root}']", "probes.enabled=false"),
            )
            with agent_run(tmp_path, *settings) as agent:
                request = "container_spec_cpu_request_cores"
                wait_until(lambda: agent.page().series(request) != [], 20, "the requests")
                page = agent.page()
    finally:
        cri_host.remove(pod)
    who = {"namespace": "test", "pod": "asked", "container": "app"}
    assert page.value(request, **who) == 0.25
    assert page.value("container_spec_memory_request_bytes", **who) == 64 << 20
    info = page.labels("container_info", **who)
    assert (info["owner_kind"], info["owner_name"]) == ("Deployment", "api")
    ((labels, _),) = page.series("container_pod_labels", pod="asked")
    assert (labels["label_app"], labels["container"]) == ("api", "")
    assert page.value("agent_api_up", source="kubelet") == 1
    assert page.value("agent_metadata_source_total", source="kubelet") >= 1
