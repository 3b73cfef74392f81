"""Pods and Docker containers as their servers write them, cut to a test's size.

After the API references (agent.sources.pods, agent.sources.docker_engine name them): no cluster was
at hand to capture from. Docker's is laid over a captured config.v2.json, whose keys it has.
"""

from __future__ import annotations

from typing import Any

import orjson

from tests.agent.container.tree import captured

ID = "ed4264cf" * 8
UID = "599e16b6-1bf2-4203-b769-6055c486c395"
HASH = "0f0b2d1c3e4a5968778695a4b3c2d1e0"

POD: dict[str, Any] = {
    "metadata": {
        "name": "api-7d4b9c8f6d-x2z9q",
        "namespace": "shop",
        "uid": UID,
        "resourceVersion": "812",
        "labels": {"app": "api", "pod-template-hash": "7d4b9c8f6d", "secret": "no"},
        "annotations": {"team/pager": "shop", "kubernetes.io/config.source": "api"},
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "api-7d4b9c8f6d",
                "controller": True,
            }
        ],
    },
    "spec": {
        "nodeName": "node-1",
        "initContainers": [{"name": "migrate", "image": "shop/migrate:4"}],
        "containers": [
            {
                "name": "app",
                "image": "shop/api:4.2",
                "env": [{"name": "TOKEN", "value": "hunter2"}],
                "resources": {
                    "requests": {"cpu": "250m", "memory": "64Mi"},
                    "limits": {"memory": "128Mi"},
                },
            },
            {"name": "proxy", "image": "mesh:1", "resources": {}},
        ],
    },
    "status": {
        "phase": "Running",
        "qosClass": "Burstable",
        "containerStatuses": [
            {
                "name": "app",
                "restartCount": 2,
                "containerID": f"containerd://{ID}",
                "image": "shop/api:4.2",
                "imageID": f"sha256:{'b' * 64}",
            },
            {"name": "proxy", "restartCount": 0, "containerID": "", "image": "mesh:1"},
        ],
    },
}

MIRROR: dict[str, Any] = {
    "metadata": {
        "name": "etcd-node-1",
        "namespace": "kube-system",
        "uid": "7c0b5c1e-0000-4000-8000-000000000000",
        "annotations": {
            "kubernetes.io/config.hash": HASH,
            "kubernetes.io/config.mirror": HASH,
        },
        "ownerReferences": [{"kind": "Node", "name": "node-1", "controller": True}],
    },
    "spec": {"containers": [{"name": "etcd", "image": "etcd:3"}]},
    "status": {"qosClass": "BestEffort"},
}


def pod_list(*pods: dict[str, Any], version: str = "900") -> bytes:
    return orjson.dumps(
        {
            "kind": "PodList",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": version},
            "items": list(pods),
        }
    )


def inspected(id_: str, name: str = "web", **state: Any) -> bytes:
    config = orjson.loads(captured("docker-config.v2.json"))
    config["State"].update(state)
    config["State"]["Health"] = {"Status": "healthy", "Log": [{"Output": "hunter2"}]}
    config["Config"]["Env"] = ["TOKEN=hunter2"]
    del config["ID"]
    return orjson.dumps(
        config
        | {
            "Id": id_,
            "Name": f"/{name}",
            "HostConfig": orjson.loads(captured("docker-hostconfig.json")),
        }
    )
