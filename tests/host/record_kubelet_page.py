"""A kubelet's /metrics/cadvisor made small, for the tests that run where there is no kubelet.

    python -m tests.host.record_kubelet_page POD <PAGE >tests/fixtures/pages/kubelet-v1.txt

Kept are, whole and as they were: "/", the cgroups above the pods, one pod with its sandbox and one
container, and the machine; of "/" the first series by each name. What names this machine is not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping

from tests.host.parity import parse

_IDS = re.compile(r'(machine_id|system_uuid|boot_id|kernelVersion|osVersion)="[^"]*"')
_SESSION = re.compile(r"/agent-test-\d+-kubelet/[^/\"]+")


def shortened(page: str, pod: str) -> str:
    """The page of a node on which `pod` runs; its first container is kept."""
    lines = [line for line in page.splitlines() if line]
    containers = [
        labels["container"]
        for line in lines
        if not line.startswith("#") and (labels := _labels(line)).get("pod") == pod
    ]
    first = min(filter(None, containers), default="")
    return "".join(f"{line}\n" for line in _kept(lines, pod, first))


def _kept(lines: list[str], pod: str, container: str) -> Iterator[str]:
    of_root: set[str] = set()
    for line in lines:
        if not line.startswith("#"):
            name, labels = line.partition("{")[0], _labels(line)
            if labels.get("id") == "/":
                if name in of_root:
                    continue
                of_root.add(name)
            elif "id" in labels and not _is_wanted(labels, pod, container):
                continue
        yield _SESSION.sub("", _IDS.sub(r'\1="…"', line))


def _is_wanted(labels: Mapping[str, str], pod: str, container: str) -> bool:
    return (
        _SESSION.match(labels["id"]) is not None
        and labels.get("pod", "") in ("", pod)
        and labels.get("container", "") in ("", container)
    )


def _labels(line: str) -> dict[str, str]:
    ((_, labels),) = parse(line).told
    return dict(labels)


if __name__ == "__main__":
    sys.stdout.write(shortened(sys.stdin.read(), sys.argv[1]))
