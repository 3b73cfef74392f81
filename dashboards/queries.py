"""PromQL, as text. Every query of every dashboard is made here, so they all agree on three things.

Which series   CONTAINER and NETWORK select by the dashboard's variables. `name!=""` keeps slices,
               services and pod cgroups out, without asking for an image: an image that is not known
               yet must not empty the panel.
One container  the labels KEY. In Kubernetes `name` is the container's id, new with each restart; it
               is blanked there, so that a restarted container stays one line. Elsewhere `name` is
               what people call the container, and stays.
No limit       is 0 in `container_spec_memory_limit_bytes` and `container_threads_max` (as in
               cAdvisor) and a missing series for `container_spec_cpu_quota`: the limits here drop
               both, so an unlimited container has no limit line and no share of a limit.
"""

from __future__ import annotations

from typing import Final

CONTAINER: Final = (
    'instance=~"$instance",namespace=~"$namespace",pod=~"$pod",container=~"$container",'
    'name=~"$name",name!=""'
)
NETWORK: Final = 'instance=~"$instance",namespace=~"$namespace",pod=~"$pod",name=~"$name",id!="/"'
"""A pod's interfaces belong to the pod, not to one of its containers: no `container` here."""

KEY: Final = ("instance", "namespace", "pod", "container", "name")
LEGEND: Final = "{{pod}} {{container}}{{name}}"
"""After `_blank_name` only one of container and name has text."""
NETWORK_LEGEND: Final = "{{pod}}{{name}}"


def series(metric: str, selector: str = CONTAINER, extra: str = "") -> str:
    """`metric{selector,extra}`"""
    return f"{metric}{{{selector}{',' + extra if extra else ''}}}"


def rate(metric: str, selector: str = CONTAINER, extra: str = "") -> str:
    """Per second, over the window Grafana finds fit for the scrape interval and the zoom."""
    return f"rate({series(metric, selector, extra)}[$__rate_interval])"


def total(expr: str, *labels: str) -> str:
    """One series per container (and per value of `labels`), the sum of what it has."""
    return _per_container("sum", expr, "container", labels)


def largest(expr: str, *labels: str) -> str:
    """One series per container: for limits and times, where a sum means nothing."""
    return _per_container("max", expr, "container", labels)


def pod_total(expr: str, *labels: str) -> str:
    """One series per pod, or per container where there are no pods."""
    return _per_container("sum", expr, "pod", labels)


def cpu_limit() -> str:
    """Cores, of each container that has a quota; no series for the others."""
    quota = largest(f"{series('container_spec_cpu_quota')} > 0")
    return f"{quota}\n/\n{largest(series('container_spec_cpu_period'))}"


def memory_limit() -> str:
    """Bytes, of each container that has a limit; no series for the others."""
    return largest(f"{series('container_spec_memory_limit_bytes')} > 0")


def threads_limit() -> str:
    """pids.max of each container that has one; no series for the others."""
    return largest(f"{series('container_threads_max')} > 0")


def share(part: str, whole: str) -> str:
    """`part` of `whole`, 0 to 1, both with one series per container."""
    return f"{part}\n/\n({whole})"


def share_of_host(part: str, metric: str) -> str:
    """`part` of what its host has: `metric` is machine_cpu_cores or machine_memory_bytes."""
    host = f'max by (instance) ({metric}{{instance=~"$instance"}})'
    return f"{part}\n/ on (instance) group_left ()\n{host}"


def cpu_cores() -> str:
    return total(rate("container_cpu_usage_seconds_total"))


def throttled_ratio() -> str:
    """NaN, a period in which nothing wanted to run, is left out."""
    return share(
        total(rate("container_cpu_cfs_throttled_periods_total")),
        total(rate("container_cpu_cfs_periods_total")) + " > 0",
    )


def working_set() -> str:
    return total(series("container_memory_working_set_bytes"))


def uptime() -> str:
    """Seconds since the newest start. Each fall to 0 is a start."""
    return f"time() - {largest(series('container_start_time_seconds'))}"


def starts_again() -> str:
    """Starts after the first within the time range.

    Docker starts the same cgroup path again: the value of one series changes. Kubernetes makes a
    new container: one more series. The sum counts both.
    """
    started = f"{series('container_start_time_seconds')}[$__range]"
    return (
        f"{total(f'changes({started})')}\n+\n"
        f"{_per_container('count', f'present_over_time({started})', 'container', ())} - 1"
    )


def _per_container(aggregate: str, expr: str, owner: str, labels: tuple[str, ...]) -> str:
    by = ", ".join((*KEY, *labels))
    return f'{aggregate} by ({by}) (\n  label_replace({expr}, "name", "", "{owner}", ".+")\n)'
