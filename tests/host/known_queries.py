"""What dashboards and alerts in the world ask of cAdvisor's metrics: names and matchers as there.

MIXIN_*    kubernetes-mixin, commit aa38e2bf (2026-08-06): rules/apps.libsonnet,
           alerts/resource_alerts.libsonnet, dashboards/resources/queries/{pod,namespace,node,
           cluster}.libsonnet, dashboards/network-usage/queries/{pod-total,cluster-total}.libsonnet,
           with the defaults of config.libsonnet. https://github.com/kubernetes-monitoring/kubernetes-mixin
           One query for each metric and way of selecting and grouping it; requests and limits,
           which are kube-state-metrics', are left out of the divisions.
GRAFANA_*  dashboards 14282 "Cadvisor exporter", 193 "Docker monitoring" (179 and 893 ask the same)
           and 315 "Kubernetes cluster monitoring", https://grafana.com/grafana/dashboards/14282

$cluster, $namespace, $pod, $node, $host, $container and $__rate_interval stand for what Grafana
puts in.
"""

from __future__ import annotations

from collections.abc import Mapping

_DISK = (
    'device=~"(/dev.+)|mmcblk.p.+|nvme.+|rbd.+|sd.+|vd.+|xvd.+|dm-.+|dasd.+"'  # diskDeviceSelector
)
_OF_POD = 'job="cadvisor", cluster="$cluster", namespace="$namespace", pod=~"$pod"'
_OF_NAMESPACE = 'job="cadvisor", cluster="$cluster", namespace="$namespace"'
_OF_EVERY_NAMESPACE = 'job="cadvisor", cluster="$cluster", namespace=~".+"'
_EACH = "max by (cluster, namespace, pod, container)"
_CPU = "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_rate5m"
_NODE = """
    * on (cluster, namespace, pod) group_left(node) topk by (cluster, namespace, pod) (
      1, max by (cluster, namespace, pod, node) (kube_pod_info{node!=""})
    )"""

MIXIN_RULES: Mapping[str, str] = {
    _CPU: (
        "sum by (cluster, namespace, pod, container)"
        f' (rate(container_cpu_usage_seconds_total{{job="cadvisor", image!=""}}[5m])){_NODE}'
    ),
    _CPU.replace("sum_rate5m", "sum_irate"): (
        "sum by (cluster, namespace, pod, container)"
        f' (irate(container_cpu_usage_seconds_total{{job="cadvisor", image!=""}}[5m])){_NODE}'
    ),
    **{
        f"node_namespace_pod_container:{metric}": f'{metric}{{job="cadvisor", image!=""}}{_NODE}'
        for metric in (
            "container_memory_working_set_bytes",
            "container_memory_rss",
            "container_memory_cache",
            "container_memory_swap",
        )
    },
}
"""Recording rules: name → expression."""


def _network(how: str, of: str, by: str) -> dict[str, str]:
    """The six panels every network row has."""
    return {
        f"{metric} {how} by {by}": (
            f"{how}({times}rate(container_network_{metric}_total{{{of}}}[$__rate_interval]))"
            f" by ({by})"
        )
        for metric, times in (
            ("receive_bytes", "8 * "),
            ("transmit_bytes", "8 * "),
            ("receive_packets", ""),
            ("transmit_packets", ""),
            ("receive_packets_dropped", ""),
            ("transmit_packets_dropped", ""),
        )
    }


def _disk(of: str, by: str) -> dict[str, str]:
    """The rows of the storage tables, and the panels above them."""

    def rate(metric: str, more: str = "") -> str:
        selector = f'{more}container!="", {of}'
        return f"rate(container_fs_{metric}_total{{{selector}}}[$__rate_interval])"

    single = {
        f"fs_{metric} by {by}": f"sum by ({by}) ({rate(metric, f'{_DISK}, ')})"
        for metric in ("reads", "writes", "reads_bytes", "writes_bytes")
    }
    return {
        **single,
        f"IOPS by {by}": f"ceil(sum by ({by}) ({rate('reads')} + {rate('writes')}))",
        f"throughput by {by}": (
            f"sum by ({by}) ({rate('reads_bytes', f'{_DISK}, ')}"
            f" + {rate('writes_bytes', f'{_DISK}, ')})"
        ),
    }


def _memory(of: str, by: str) -> dict[str, str]:
    return {
        f"{metric} by {by}": f"sum({_EACH} (container_memory_{metric}{{{of}, {more}}})) by ({by})"
        for metric, more in (
            ("working_set_bytes", 'container!="", image!=""'),
            ("rss", 'container!="", container!="POD"'),
            ("cache", 'container!="", container!="POD"'),
            ("swap", 'container!="", container!="POD"'),
        )
    }


_THROTTLED = "container_cpu_cfs_throttled_periods_total"
_PERIODS = "container_cpu_cfs_periods_total"
_WITHOUT = "sum without (id, metrics_path, name, image, endpoint, job, node)"
_TOP = "topk by (cluster, namespace, pod, container, instance)"
_OF_NODE = 'cluster="$cluster", node=~"$node"'

MIXIN_QUERIES: Mapping[str, str] = {
    # the pod's dashboard
    "CPU by container": (
        f'sum({_EACH} ({_CPU}{{namespace="$namespace", pod="$pod", cluster="$cluster",'
        ' container!=""})) by (container)'
    ),
    "throttling by container": (
        f'sum(increase({_THROTTLED}{{{_OF_POD}, container!=""}}[$__rate_interval])) by (container)'
        f' / sum(increase({_PERIODS}{{{_OF_POD}, container!=""}}[$__rate_interval]))'
        " by (container)"
    ),
    **_memory(_OF_POD, "container"),
    **_network("sum", _OF_POD, "pod"),
    **_disk(_OF_POD, "pod"),
    **_disk(_OF_POD, "container"),
    # the namespace's, the node's and the cluster's
    "CPU by pod": (f'sum({_EACH} ({_CPU}{{cluster="$cluster", namespace="$namespace"}})) by (pod)'),
    **_memory(_OF_NAMESPACE, "pod"),
    "CPU by pod of a node": f"sum({_EACH} ({_CPU}{{{_OF_NODE}}})) by (pod)",
    **{
        f"{metric} by pod of a node": (
            f"sum({_EACH} (node_namespace_pod_container:container_memory_{metric}"
            f'{{{_OF_NODE}, container!=""}})) by (pod)'
        )
        for metric in ("working_set_bytes", "rss", "cache", "swap")
    },
    "CPU by namespace": f'sum({_EACH} ({_CPU}{{cluster="$cluster"}})) by (namespace)',
    "RSS by namespace": (
        f'sum({_EACH} (container_memory_rss{{job="cadvisor", cluster="$cluster", container!=""}}))'
        " by (namespace)"
    ),
    **_network("sum", _OF_EVERY_NAMESPACE, "namespace"),
    **_network("avg", _OF_EVERY_NAMESPACE, "namespace"),
    **_disk(_OF_EVERY_NAMESPACE, "namespace"),
    # the alert CPUThrottlingHigh, without its threshold
    "CPUThrottlingHigh": (
        f'{_WITHOUT} ({_TOP} (1, increase({_THROTTLED}{{container!="", job="cadvisor"}}[5m])))'
        " / on (cluster, namespace, pod, container, instance) group_left"
        f' {_WITHOUT} ({_TOP} (1, increase({_PERIODS}{{job="cadvisor"}}[5m])))'
    ),
}
"""Panels and alerts: what it shows → expression."""

_OF_NAME = 'instance=~"$host", name=~"$container", name=~".+"'

GRAFANA_14282: Mapping[str, str] = {
    "CPU Usage": f"sum(rate(container_cpu_usage_seconds_total{{{_OF_NAME}}}[5m])) by (name) * 100",
    "Memory Usage": f"sum(container_memory_rss{{{_OF_NAME}}}) by (name)",
    "Memory Cached": f"sum(container_memory_cache{{{_OF_NAME}}}) by (name)",
    "Received Network Traffic": (
        f"sum(rate(container_network_receive_bytes_total{{{_OF_NAME}}}[5m])) by (name)"
    ),
    "Sent Network Traffic": (
        f"sum(rate(container_network_transmit_bytes_total{{{_OF_NAME}}}[5m])) by (name)"
    ),
    "Containers Info": f"(time() - container_start_time_seconds{{{_OF_NAME}}}) / 86400",
    "Container (drop-down)": 'count by (name) ({__name__=~"container.*", instance=~"$host"})',
}
"""Panel → expression."""


_IMAGE = 'image!=""'

GRAFANA_193: Mapping[str, str] = {
    "Running containers": f"count(container_last_seen{{{_IMAGE}}})",
    "Total memory usage": f"sum(container_memory_usage_bytes{{{_IMAGE}}}) / 1024 / 1024",
    "Total CPU usage": f"sum(rate(container_cpu_user_seconds_total{{{_IMAGE}}}[5m]) * 100)",
    "CPU usage": 'rate(container_cpu_user_seconds_total{name=~"$container"}[5m]) * 100',
    "CPU system": 'rate(container_cpu_system_seconds_total{name=~"$container"}[5m]) * 100',
    "Memory usage": 'container_memory_usage_bytes{name=~"$container"}',
    "Memory RSS": 'container_memory_rss{name=~"$container"}',
    "Memory swap": 'container_memory_swap{name=~"$container"}',
    "Memory of its limit": (
        'container_memory_usage_bytes{name=~"$container"}'
        ' / (container_spec_memory_limit_bytes{name=~"$container"} > 0)'
    ),
    "Network Rx": f"irate(container_network_receive_bytes_total{{{_IMAGE}}}[5m])",
    "Network Tx": f"irate(container_network_transmit_bytes_total{{{_IMAGE}}}[5m])",
    "Disk reads": 'rate(container_fs_reads_bytes_total{name=~"$container"}[5m])',
    "Disk writes": 'rate(container_fs_writes_bytes_total{name=~"$container"}[5m])',
    "Filesystem usage": 'container_fs_usage_bytes{name=~"$container"}',
    "Filesystem limit": 'container_fs_limit_bytes{name=~"$container"}',
    "Not seen for": 'time() - container_last_seen{name=~"$container"}',
}
"""Panel → expression."""

# There device=~"^/dev/[sv]d[a-z][1-9]$", which asks for partitions of a disk.
_ROOT_DISK = 'device=~"^/dev/.+$", id="/"'

GRAFANA_315: Mapping[str, str] = {
    "Network I/O pressure": "sum(rate(container_network_receive_bytes_total[1m]))",
    "Cluster memory usage": (
        'sum(container_memory_working_set_bytes{id="/"}) / sum(machine_memory_bytes) * 100'
    ),
    "Cluster CPU usage": (
        'sum(rate(container_cpu_usage_seconds_total{id="/"}[1m])) / sum(machine_cpu_cores) * 100'
    ),
    "Cluster filesystem usage": (
        f"sum(container_fs_usage_bytes{{{_ROOT_DISK}}})"
        f" / sum(container_fs_limit_bytes{{{_ROOT_DISK}}}) * 100"
    ),
    "Containers CPU usage": (
        'sum(rate(container_cpu_usage_seconds_total{image!="", name!~"^k8s_.*"}[1m]))'
        " by (name, image)"
    ),
    "Containers memory usage": (
        'sum(container_memory_working_set_bytes{image!="", name!~"^k8s_.*"}) by (name, image)'
    ),
    "All processes CPU usage": (
        'sum(rate(container_cpu_usage_seconds_total{id!="/"}[1m])) by (id)'
    ),
}
"""Panel → expression, without kubernetes_io_hostname, which the scrape adds."""


def filled(expression: str, variables: Mapping[str, str]) -> str:
    """`expression` with its variables put in, the longest name first."""
    for name in sorted(variables, key=len, reverse=True):
        expression = expression.replace(f"${name}", variables[name])
    return expression
