"""A real pod's series with what Kubernetes says of it; the kubelet is a strict HTTPS server."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.agent.sources.documents import POD, pod_list
from tests.agent.sources.server import Script, serving
from tests.agent.web.certificates import Authority
from tests.host.agent import agent_run
from tests.host.cri import CriHost
from tests.host.daemon import wait_until
from tests.log_host import shipped

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


def test_an_annotation_that_is_changed_is_done_from_then_on(
    cri_host: CriHost, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "tls")
    out = tmp_path / "logs.jsonl"
    pod = cri_host.run_pod("changing")

    def document(**annotations: str) -> dict[str, Any]:
        made = copy.deepcopy(POD)
        made["metadata"] |= {"name": "changing", "namespace": "test", "uid": pod.uid}
        made["metadata"]["annotations"] = annotations
        return made

    def lines() -> list[str]:
        return [record["log"] for record in shipped(out) if record.get("pod") == "changing"]

    script = Script({"/pods": pod_list(document())})
    said = ["/bin/sh", "-c", "while sleep 0.1; do echo to jo@mail.example.org; done"]
    try:
        cri_host.start(pod, "app", said)
        with serving(script, pair=authority.issue("node", "IP:127.0.0.1")) as url:
            settings = (
                *(f"kubernetes.url={url}", "kubernetes.source=kubelet", "kubernetes.interval=1"),
                *("kubernetes.token_file=", f"kubernetes.ca_file={authority.own.cert}"),
                *(f"paths.pod_logs={cri_host.pod_logs}", f"paths.containerd=['{cri_host.root}']"),
                *("paths.docker=[]", "logs.journald.enabled=false", "probes.enabled=false"),
            )
            with agent_run(tmp_path, *settings) as agent:
                wait_until(lambda: "to jo@mail.example.org" in lines(), 30, "a line as it is")
                annotations = {"container-agent.logs/app.redact": "email", "team/pager": "shop"}
                script.bodies["/pods"] = pod_list(document(**annotations))
                wait_until(lambda: "to [redacted:email]" in lines(), 30, "a redacted line")
                script.bodies["/pods"] = pod_list(document())
                seen = len(lines())
                wait_until(lambda: "to jo@mail.example.org" in lines()[seen:], 30, "as it was")
                told = (tmp_path / "state/pod-annotations.json").read_text()
                assert json.loads(told)[pod.uid] == {}
                path = str(tmp_path / "state/pod-annotations.json")
                assert agent.page().value("agent_pod_annotations_failures_total", file=path) == 0
    finally:
        cri_host.remove(pod)
