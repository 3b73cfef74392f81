"""The drop-downs. One set works on Kubernetes and on a plain Docker or Podman host.

    Kubernetes   namespace → pod → container; the name list is empty, which reads as "all"
    Docker       namespace, pod and container lists are empty; choose by name

An empty list interpolates to the empty string (or "()"), and a matcher against that selects exactly
the series without the label. So `pod` and `container` have no match-everything value: with one,
Kubernetes' sandbox containers, which have a pod and no container, would be on every panel.
"""

from __future__ import annotations

from typing import Final

from dashboards.sdk import Builder, common, dashboard, dashboard_builders

DATASOURCE: Final = common.DataSourceRef(type_val="prometheus", uid="${datasource}")

_ANY: Final = ".*"
"""Also matches a label that is not there."""
_SEEN: Final = "container_last_seen"
"""On every container's page, cheap: one series per container."""


def container_variables() -> list[Builder[dashboard.VariableModel]]:
    """datasource, instance, namespace, pod, container, name"""
    host = 'instance=~"$instance"'
    namespace = f'{host},namespace=~"$namespace"'
    return [
        dashboard_builders.DatasourceVariable("datasource")
        .label("Data source")
        .description("The Prometheus that scrapes the hosts.")
        .type("prometheus"),
        _query("instance", "Host", f"label_values({_SEEN}, instance)")
        .description("The agent's address, as Prometheus scrapes it.")
        .include_all(True)
        .all_value(_ANY),
        _query("namespace", "Namespace", f"label_values({_SEEN}{{{host}}}, namespace)")
        .description("Kubernetes namespace. Empty on a Docker host.")
        .include_all(True)
        .all_value(_ANY),
        _query("pod", "Pod", f"label_values({_SEEN}{{{namespace}}}, pod)").description(
            "Kubernetes pod. None: containers outside Kubernetes."
        ),
        _query(
            "container",
            "Container",
            f'label_values({_SEEN}{{{namespace},pod=~"$pod"}}, container)',
        )
        .description("Container of the pod. Empty on a Docker host.")
        .include_all(True),
        _query("name", "Name", f'label_values({_SEEN}{{{host},pod="",name!=""}}, name)')
        .description("Container name outside Kubernetes. Leave at All in Kubernetes.")
        .include_all(True)
        .all_value(_ANY),
    ]


def _query(name: str, label: str, query: str) -> dashboard_builders.QueryVariable:
    return (
        dashboard_builders.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": name})
        # Once at load the list goes stale on a host that starts containers all day.
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
    )
