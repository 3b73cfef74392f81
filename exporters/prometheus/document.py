"""docs/metrics.md, from the catalogue.

python -m exporters.prometheus.document            write it
python -m exporters.prometheus.document --check    say whether it is current; exit 1 if not
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from exporters.prometheus import cadvisor
from exporters.prometheus.catalog import GROUPS, Group
from exporters.prometheus.groups.identity import INFO_LABELS
from exporters.prometheus.labels import KUBELET_NAMES
from exporters.prometheus.metric import AnyMetric, SnapshotMetric

PATH = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"

_INTRODUCTION = """\
# Metrics

<!-- Written by `python -m exporters.prometheus.document` from exporters/prometheus/groups. -->

{count} metrics in {groups} groups, at `/metrics` and `/metrics/cadvisor`. Names that cAdvisor has
are *stable*: they have its type, labels, unit and meaning, and keep them. The others are ours and
*beta*: one may still be renamed, and the change log says so. What a host does not tell has no
series; nothing that was not read is shown as 0. No series has a timestamp, so one that is gone is
gone at the next scrape.

The agent's own metrics (`agent_*`, `process_*`) follow on the same page.

## Groups

```toml
[metrics]
groups_enabled = ["tcp"]         # beside those that are on by default
groups_disabled = ["blkio"]      # or a list of cAdvisor's, pasted: ["percpu,sched,tcp,udp"]
```

What only a group that is off needs is not read either.

{group_table}

Groups of cAdvisor's there is nothing for:

{without}

## Labels

Series of containers, pods and the cgroups above them have, with `labels = "kubelet"` (the default),
exactly these labels and their own: {kubelet}.
A label that says nothing is `""`: `image` and `name` of pods and slices, `container` of pods and
sandboxes, `namespace` and `pod` outside Kubernetes.

With `labels = "cadvisor"` (also `--labels=cadvisor`) they have those of cAdvisor on its own: `id`,
`name`, `image`, and `container_label_NAME` for each container label in `container_labels`, with
everything in NAME that is no letter, digit or `_` written as `_`. By default these are the labels
of Docker Compose that Grafana's dashboard 14282 shows. Environment variables are not offered: they
hold passwords, and what is on the page is kept for years.

A label's value is cut after 1024 characters.

Everything else that is known of a container is on `container_info`, to be joined in:

```promql
container_memory_rss * on (instance, id) group_left (compose_project) container_info
```

{info}

## Where cAdvisor is not followed

`tests/host/test_cadvisor_page.py` compares the two pages of the same containers series by series:
names, types, labels and values are cAdvisor's but for this.

- `container_oom_events_total` is `memory.events`' count on every runtime; cAdvisor's is 0, or comes
  from the kernel's log.
- `container_memory_failcnt` and `container_memory_kernel_usage` count on cgroup v2 too, where
  cAdvisor says 0. `container_memory_failcnt` is untyped: no format lets a counter be called so.
- `container_network_*` is told once for each network namespace, the host's at `/` alone: cAdvisor
  shows the host's traffic for each container on its network. `tcp`, `udp` and `advtcp` leave the
  host's out.
- `container_processes` and the rest of its group are told for containers, not for what is above
  them. `container_health_state` is told where a runtime writes the checks down, or its API is
  followed: Docker and Podman. cAdvisor says -1 of everything else. Podman has systemd run the
  checks, and says `starting`, which is 0, where nobody does; with `--health-log-destination
  events_logger` it writes nothing down and there is no series.
- `container_fs_usage_bytes` is the writable layer and the logs; cAdvisor adds the other files that
  the runtime keeps of the container, some 30 KB.
- A cgroup that is no container, no pod and not above one has no series, nor has a systemd service
  unless `metrics.systemd` is on (`--systemd`).
- At `/`, `container_fs_usage_bytes` and the like have each filesystem once, without containers'
  overlays (the numbers of the disk below them, again) and what is below `/proc` and `/sys`.
- On cgroup v2 the kernel keeps no peak, events, weight, period or protection of `/`: no series,
  where cAdvisor says 0 or a default.
- `container_spec_memory_reservation_limit_bytes` is `memory.low`, which runtimes set; cAdvisor
  reads `memory.min`, which they do not.
- On cgroup v1 and hybrid hosts series are those of v2, where cAdvisor's differ from one to the
  other: `container_cpu_usage_seconds_total` has `cpu="total"` and no series for each CPU,
  `container_blkio_device_usage_total` is of `Read` and `Write`,
  `container_spec_memory_swap_limit_bytes` is swap without memory, and what is told of `/` and of
  slices is that of everything below them. `container_pressure_*` has numbers where the kernel
  tells them, and cAdvisor shows 0. `container_memory_events_high_total` and
  `container_memory_{{pgscan,pgsteal}}_total` have no series: nothing counts, and cAdvisor shows 0.
- These have no series, since nothing counts them for a container or others do:

{without_names}
{notes}"""

_NOTES = """
## Block I/O on cgroup v1

With Linux 6.10 and newer a disk's I/O is counted only once a limit was set on that disk, anywhere
and at any time since the machine started: until then `blkio.throttle.io_service_bytes` says
"Total 0" whatever is read and written, and `container_fs_reads_*`, `container_fs_writes_*` and
`container_blkio_device_usage_total` have no series ([commit a3166c51702b][blkio]). A limit that
hinders nobody, in a cgroup that is removed at once, starts it; 8:0 is the disk's number in `lsblk`:

```sh
mkdir /sys/fs/cgroup/blkio/start
echo "8:0 1099511627776" > /sys/fs/cgroup/blkio/start/blkio.throttle.read_bps_device
rmdir /sys/fs/cgroup/blkio/start
```

cgroup v2 counts from the start.

[blkio]: https://git.kernel.org/linus/a3166c51702b

## How old a value may be

A scrape reads the counters anew, unless they were read within the last second. What hardly changes,
or costs more than it tells, is read less often:

| what | read again |
| --- | --- |
| limits and other settings of a cgroup | each minute, and each time in its first 15 s |
| files a cgroup has not had (a controller turned on later) | each minute |
| TCP, UDP and sockets of a network namespace | each time a packet moved, else every 30 s |
| sockets of processes, their limit of open files, sockets by state | about each minute |
| sizes of layers, volumes and filesystems | each `interval` of `[filesystem]`, 60 s |
| security posture | each hour |
| findings (`agent_finding`) | after 8 s |
| pressure, where the BPF sweep reads it | as the kernel sums it up, every 2 s |
"""

_INFO = {
    "attempt": "the kubelet's or Docker's restart count",
    "compose_project": "of Docker Compose",
    "compose_service": "of Docker Compose",
    "ecs_task": "the last part of the task's ARN",
    "image_id": "digest of the image's config, the same in every runtime",
    "kind": "container or sandbox",
    "owner_kind": "Deployment, StatefulSet, DaemonSet, Job, CronJob, going by the pod's labels",
    "owner_name": "the workload's name, without hashes and ordinals",
    "pod_uid": "of Kubernetes",
    "qos": "guaranteed, burstable, besteffort",
    "runtime": "docker, containerd, cri-o, podman, runc, crun, lxc, systemd-nspawn",
}


def document() -> str:
    """The whole file."""
    if missing := set(INFO_LABELS) ^ _INFO.keys():
        raise ValueError(f"container_info's labels and what is written of them differ: {missing}")
    text = _INTRODUCTION.format(
        count=sum(len(group.metrics) for group in GROUPS),
        groups=len(GROUPS),
        group_table="\n".join(_group_table()),
        without="\n".join(
            f"- `{name}`: it {why}." for name, why in sorted(cadvisor.WITHOUT.items())
        ),
        kubelet=", ".join(f"`{name}`" for name in KUBELET_NAMES),
        info="\n".join(_table(("label", ""), ((f"`{n}`", _INFO[n]) for n in INFO_LABELS))),
        without_names="\n".join(_without_names()),
        notes=_NOTES,
    )
    return text + "".join("\n" + "".join(_group(group)) for group in GROUPS)


def main() -> int:
    """Write or check docs/metrics.md."""
    parser = argparse.ArgumentParser(description="Write docs/metrics.md from the catalogue.")
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    wanted = document()
    if not parser.parse_args().check:
        PATH.write_text(wanted, encoding="utf-8")
        return 0
    if PATH.exists() and PATH.read_text(encoding="utf-8") == wanted:
        return 0
    print(f"{PATH.name} is old; run python -m exporters.prometheus.document", file=sys.stderr)
    return 1


def _group_table() -> Iterator[str]:
    return _table(
        ("group", "metrics", "default", ""),
        (
            (
                f"[`{group.name}`](#{_anchor(group.name)})",
                str(len(group.metrics)),
                "on" if group.default else "off",
                group.why,
            )
            for group in GROUPS
        ),
    )


def _group(group: Group) -> Iterator[str]:
    yield f"## {group.name}\n\n"
    if not group.default:
        yield f"Off by default: {group.why}.\n\n"
    yield from (f"{line}\n" for line in _table(("metric", "what it is"), map(_row, group.metrics)))


def _row(metric: AnyMetric) -> tuple[str, str]:
    labels = "{" + ", ".join(metric.labels) + "}" if metric.labels else ""
    unit = f", {metric.unit}" if metric.unit else ""
    scope = ", no container labels" if isinstance(metric, SnapshotMetric) else ""
    about = f"{metric.type}{unit}{scope}, {metric.stability}"
    return f"`{metric.name}`{f' `{labels}`' if labels else ''}", (
        f"{_escape(metric.help)} *{about}; {_escape(metric.source)}*"
    )


def _without_names() -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for name, reason in cadvisor.WITHOUT_NAMES.items():
        by_reason.setdefault(reason, []).append(f"`{name}`")
    for reason, names in by_reason.items():
        yield f"  - {', '.join(names)}: {reason}."


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _anchor(name: str) -> str:
    """What GitHub and GitLab call the heading."""
    return name.lower()


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


if __name__ == "__main__":
    sys.exit(main())
