"""Every field, once: what filters compare, what columns show, what `--fields` prints.

One name for one thing in `--filter`, `--sort` and `--fields`. Numbers are in base units: cores,
bytes, seconds, ratios (1.0 is all of it), and each "per second".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from agent.selection.facts import (
    age,
    attempts,
    label,
    memory_stat,
    of_container,
    pids_of_limit,
    request,
    state,
)
from agent.selection.field import Field, Unit, number, pressure, summed, text_field
from agent.selection.item import Item
from agent.selection.read import derived, measured, most, of_host, of_request, share, total_limit

LABEL: Final = "label."
"""Before the name of a label: "label.app"."""
_PROJECT: Final = ("com.docker.compose.project", "io.podman.compose.project")
_SERVICE: Final = ("com.docker.compose.service", "io.podman.compose.service")

_cpu_request = request(lambda found: found.requests.cpu if found.requests else None)
_memory_request = request(lambda found: found.requests.memory if found.requests else None)
_throttled = measured("throttled_ratio")


def _worst(items: Sequence[Item]) -> str:
    worst = max((item for item in items if item.findings), key=lambda i: i.trouble, default=None)
    return "" if worst is None else worst.findings[0].summary


def _severity(item: Item) -> float:
    return float(item.findings[0].severity) if item.findings else 0.0


FIELDS: Final[tuple[Field, ...]] = (
    text_field(
        "name",
        "namespace/pod/container, the runtime's name, or the cgroup's path",
        lambda item: item.title,
    ),
    text_field("host", "the host it is on, with --prometheus", lambda item: item.on),
    text_field("ns", "Kubernetes' namespace", of_container(lambda c: c.namespace), "namespace"),
    text_field("pod", "the pod", of_container(lambda c: c.pod)),
    text_field("container", "its name in its pod", of_container(lambda c: c.container)),
    text_field("project", "the Compose project", of_container(label(_PROJECT)), "proj"),
    text_field("service", "the Compose service", of_container(label(_SERVICE))),
    text_field("image", "the image it was made from", of_container(lambda c: c.image), "img"),
    text_field("runtime", "who runs it", of_container(lambda c: c.runtime)),
    text_field("id", "the runtime's id", of_container(lambda c: c.id)),
    text_field("kind", "container, sandbox, pod or service", of_container(lambda c: c.kind.value)),
    text_field("qos", "Kubernetes' quality of service", of_container(lambda c: c.qos)),
    text_field(
        "owner", "the workload: Deployment, StatefulSet, …", of_container(lambda c: c.owner.name)
    ),
    text_field("cgroup", "the cgroup's path", lambda item: item.cgroup.path if item.cgroup else ""),
    text_field("state", "running, paused, exited, down", state),
    number("age", Unit.SECONDS, "since its start", age, None, "up"),
    summed("cpu", Unit.CORES, "CPU time used, in cores", measured("cpu_cores")),
    number(
        "cpu.limit",
        Unit.CORES,
        "its CPU limit",
        measured("cpu_limit_cores"),
        total_limit(measured("cpu_limit_cores")),
    ),
    number(
        "cpu.of_limit",
        Unit.RATIO,
        "CPU used, of its own limit",
        *share("cpu_cores", "cpu_limit_cores", "cpu_limit_ratio"),
    ),
    number(
        "cpu.request",
        Unit.CORES,
        "its CPU request (Kubernetes)",
        _cpu_request,
        total_limit(_cpu_request),
    ),
    number(
        "cpu.of_request",
        Unit.RATIO,
        "CPU used, of its request (Kubernetes)",
        *of_request("cpu_cores", _cpu_request),
    ),
    number(
        "cpu.of_host",
        Unit.RATIO,
        "CPU used, of all the host's cores",
        *of_host("cpu_cores", lambda host: host.cores),
    ),
    number(
        "cpu.throttled",
        Unit.RATIO,
        "scheduling periods in which the CPU limit stopped it",
        _throttled,
        most(_throttled),
        "thr",
    ),
    summed(
        "cpu.withheld",
        Unit.CORES,
        "CPU time its limit withheld, in cores",
        measured("throttled_seconds_per_second"),
    ),
    summed(
        "mem",
        Unit.BYTES,
        "memory it cannot do without right away (working set)",
        measured("memory_working_set"),
        "memory",
    ),
    number(
        "mem.limit",
        Unit.BYTES,
        "its memory limit",
        measured("memory_limit"),
        total_limit(measured("memory_limit")),
    ),
    number(
        "mem.of_limit",
        Unit.RATIO,
        "memory, of its own limit",
        *share("memory_working_set", "memory_limit", "memory_limit_ratio"),
    ),
    number(
        "mem.request",
        Unit.BYTES,
        "its memory request (Kubernetes)",
        _memory_request,
        total_limit(_memory_request),
    ),
    number(
        "mem.of_request",
        Unit.RATIO,
        "memory, of its request (Kubernetes)",
        *of_request("memory_working_set", _memory_request),
    ),
    number(
        "mem.of_host",
        Unit.RATIO,
        "memory, of the host's",
        *of_host("memory_working_set", lambda host: host.memory_total),
    ),
    summed(
        "mem.anon", Unit.BYTES, "memory of its programs, not backed by files", memory_stat("anon")
    ),
    summed(
        "mem.file", Unit.BYTES, "page cache, which the kernel can mostly drop", memory_stat("file")
    ),
    summed(
        "mem.swap",
        Unit.BYTES,
        "swapped out",
        derived(lambda usage: usage.sample.reading.memory_swap_current, lacks="memory_limit"),
    ),
    summed("oom", Unit.COUNT, "processes the OOM killer ended in it", measured("oom_kills_total")),
    pressure("psi.cpu", "time some task waited for a CPU", "cpu_pressure_some"),
    pressure("psi.cpu.full", "time all tasks waited for a CPU", "cpu_pressure_full"),
    pressure("psi.mem", "time some task waited for memory", "memory_pressure_some"),
    pressure("psi.mem.full", "time all tasks waited for memory", "memory_pressure_full"),
    pressure("psi.io", "time some task waited for I/O", "io_pressure_some"),
    pressure("psi.io.full", "time all tasks waited for I/O", "io_pressure_full"),
    summed(
        "net.rx",
        Unit.RATE,
        "bytes per second received, without loopback",
        measured("receive_bytes_per_second"),
        "rx",
    ),
    summed(
        "net.tx",
        Unit.RATE,
        "bytes per second sent, without loopback",
        measured("transmit_bytes_per_second"),
        "tx",
    ),
    summed(
        "disk.read",
        Unit.RATE,
        "bytes per second read from block devices",
        measured("read_bytes_per_second"),
        "rd",
    ),
    summed(
        "disk.write",
        Unit.RATE,
        "bytes per second written to block devices",
        measured("write_bytes_per_second"),
        "wr",
    ),
    summed("pids", Unit.COUNT, "tasks (threads)", measured("pids")),
    number(
        "pids.limit",
        Unit.COUNT,
        "its limit of tasks",
        measured("pids_limit"),
        total_limit(measured("pids_limit")),
    ),
    number(
        "pids.of_limit",
        Unit.RATIO,
        "tasks, of their limit",
        derived(pids_of_limit, lacks="pids"),
        None,
    ),
    summed("restarts", Unit.COUNT, "restarts the runtime counted", attempts),
    number(
        "trouble",
        Unit.SCORE,
        "how much trouble it is in: finding, pressure, nearness of a limit",
        lambda item: item.trouble,
        lambda items: max((item.trouble for item in items), default=0.0),
    ),
    Field(
        name="severity",
        unit=Unit.SEVERITY,
        help="of its worst finding: notice, warning, critical",
        read=_severity,
        total=most(_severity),
    ),
    Field(
        name="rule",
        unit=Unit.TEXT,
        help="what is wrong with it, by the rules' names",
        read=lambda item: ", ".join(found.rule for found in item.findings),
        total=lambda items: ", ".join(
            dict.fromkeys(found.rule for item in items for found in item.findings)
        ),
        each=lambda item: tuple(found.rule for found in item.findings),
    ),
    Field(
        name="why",
        unit=Unit.TEXT,
        help="what is wrong with it, the worst, in few words",
        read=lambda item: item.findings[0].summary if item.findings else "",
        total=_worst,
        each=lambda item: tuple(found.summary for found in item.findings),
    ),
)

BY_NAME: Final = {name: field for field in FIELDS for name in (field.name, *field.also)}


class NoSuchField(ValueError):
    """Nothing has this name; says which name is near."""


@lru_cache(maxsize=512)
def find_field(name: str) -> Field:
    """The field of this name, `label.…` included. Raises NoSuchField."""
    found = BY_NAME.get(name.casefold())
    if found is not None:
        return found
    if name.startswith(LABEL) and len(name) > len(LABEL):
        key = name.removeprefix(LABEL)
        read = of_container(lambda container: container.labels.get(key, ""))
        return text_field(name, f"the label {key}", read)
    from difflib import get_close_matches

    near = get_close_matches(name.casefold(), BY_NAME, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise NoSuchField(f"there is no field {name!r}{hint}")
