"""The manifests: valid to a current Kubernetes' schema, and no more powerful than they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

MANIFEST = Path(__file__).parents[2] / "deploy" / "kubernetes" / "daemonset.yaml"
VERSION = "1.37"

DOCUMENTS: list[dict[str, Any]] = list(yaml.safe_load_all(MANIFEST.read_text()))


RIGHTS = [
    document
    for source in ("api", "kubelet")
    for document in yaml.safe_load_all((MANIFEST.parent / f"rbac-{source}.yaml").read_text())
]


def of_kind(kind: str) -> dict[str, Any]:
    return next(document for document in DOCUMENTS if document["kind"] == kind)


POD = of_kind("DaemonSet")["spec"]["template"]["spec"]
AGENT = POD["containers"][0]


def uncommented(text: str) -> str:
    """The manifest with its optional lines turned on: those with no space after the #."""
    return re.sub(r"^( *)#(?! \S)", r"\1", text, flags=re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS + RIGHTS, ids=lambda d: d["kind"])
def test_a_current_kubernetes_takes_the_manifest(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, VERSION, strict=True)


def test_it_is_still_taken_with_its_optional_blocks_turned_on() -> None:
    documents = list(yaml.safe_load_all(uncommented(MANIFEST.read_text())))
    for document in documents:
        kubernetes_validate.validate(document, VERSION, strict=True)
    pod = documents[-1]["spec"]["template"]["spec"]
    agent = pod["containers"][0]
    assert agent["securityContext"]["capabilities"]["add"][2:] == ["BPF", "PERFMON"]
    assert agent["securityContext"]["appArmorProfile"] == {"type": "Unconfined"}
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {"crio", "crio-images", "docker"} <= volumes
    assert {mount["name"] for mount in agent["volumeMounts"]} == volumes


def test_the_validator_finds_a_misspelt_field() -> None:
    broken = yaml.safe_load(yaml.safe_dump(of_kind("DaemonSet")))
    broken["spec"]["template"]["spec"]["hostPid"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="hostPid"):
        kubernetes_validate.validate(broken, VERSION, strict=True)


def test_it_has_two_capabilities_and_no_way_to_more() -> None:
    security = AGENT["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"], "add": ["SYS_PTRACE", "DAC_READ_SEARCH"]}
    assert security["allowPrivilegeEscalation"] is False
    assert security["privileged"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["hostNetwork"] is False
    assert POD["hostPID"] is False


def test_it_gets_no_token_and_no_socket() -> None:
    assert POD["automountServiceAccountToken"] is False
    assert of_kind("ServiceAccount")["automountServiceAccountToken"] is False
    for volume in POD["volumes"]:
        assert volume.get("hostPath", {}).get("type") != "Socket"


def test_only_its_own_state_is_writable() -> None:
    writable = {mount["name"] for mount in AGENT["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"state"}


def test_memory_is_limited_and_cpu_is_not() -> None:
    assert set(AGENT["resources"]["limits"]) == {"memory"}
    assert set(AGENT["resources"]["requests"]) == {"cpu", "memory"}


def test_services_put_nothing_into_an_environment_whose_names_are_checked() -> None:
    assert POD["enableServiceLinks"] is False


def test_it_listens_on_the_pods_address_and_is_probed_and_scraped_there() -> None:
    environment = {entry["name"]: entry.get("value") for entry in AGENT["env"]}
    assert environment["AGENT_METRICS_LISTEN"] == "$(POD_IP):9464"
    assert AGENT["ports"] == [{"name": "metrics", "containerPort": 9464}]
    probes = {
        name: AGENT[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")
    }
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/healthz",
        "readiness": "/readyz",
        "liveness": "/healthz",
    }
    assert {probe["port"] for probe in probes.values()} == {"metrics"}
    annotations = of_kind("DaemonSet")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == "9464"


def test_rights_are_to_read_pods_and_are_the_accounts_of_the_daemonset() -> None:
    account = of_kind("ServiceAccount")["metadata"]
    rules = [rule for found in RIGHTS for rule in found.get("rules", [])]
    assert [(rule["resources"], rule["verbs"]) for rule in rules] == [
        (["pods"], ["list", "watch"]),
        (["nodes/pods"], ["get"]),
    ]
    for role, binding in zip(RIGHTS[::2], RIGHTS[1::2], strict=True):
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        (subject,) = binding["subjects"]
        assert (subject["name"], subject["namespace"]) == (account["name"], account["namespace"])
