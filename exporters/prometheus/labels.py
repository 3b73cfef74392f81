"""The labels that say who a series is about, on every container series.

    kubelet     container, id, image, name, namespace, pod: exactly these, "" where not known
    cadvisor    id, name, image and container_label_<NAME> for the labels on an allow-list

A label that no container of the page has is left out in cAdvisor's set, and one that some have is
"" on the others, as cAdvisor does. Environment variables (container_env_<NAME>) are not offered:
they hold passwords, and what is on the page is kept for years and shown to everybody.

Each cgroup's labels are written once and kept until its Container or path is another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, Protocol

from agent.container.container import Container
from agent.model import Sample
from exporters.prometheus.escape import format_labels, sanitise, shorten
from exporters.prometheus.metric import Labels

Mode = Literal["kubelet", "cadvisor"]
KUBELET_NAMES: Final = ("container", "id", "image", "name", "namespace", "pod")
_NOBODY: Final = Container(runtime="", id="")


class BaseLabels(Protocol):
    """Labels of many cgroups, as text."""

    def of(self, samples: Sequence[Sample]) -> list[str]:
        """Return the labels of each sample as they stand between the braces; never empty."""


class KubeletLabels:
    """The kubelet's label set."""

    def __init__(self) -> None:
        self._kept = _Kept()

    def of(self, samples: Sequence[Sample]) -> list[str]:
        """Return the labels of each sample as they stand between the braces."""
        return self._kept.of(samples, kubelet_labels)


class CadvisorLabels:
    """cAdvisor's own label set, as it is without Kubernetes."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """`allowed` are names of container labels, as the runtime has them."""
        # In order, so that of two names that are the same sanitised it is always the same one.
        self._allowed: dict[str, str] = {}
        for name in sorted(allowed):
            label = f"container_label_{sanitise(name)}"
            if label not in self._allowed.values():
                self._allowed[name] = label
        self._names: frozenset[str] = frozenset()
        self._kept = _Kept()

    def of(self, samples: Sequence[Sample]) -> list[str]:
        """Return the labels of each sample as they stand between the braces."""
        names = self._present(samples)
        if names != self._names:
            self._names, self._kept = names, _Kept()
        return self._kept.of(samples, self._labels)

    def _present(self, samples: Iterable[Sample]) -> frozenset[str]:
        present: set[str] = set()
        for sample in samples:
            container = sample.container
            if container is not None:
                if container.name:
                    present.add("name")
                if container.image:
                    present.add("image")
                for name in container.labels.keys() & self._allowed.keys():
                    present.add(self._allowed[name])
        return frozenset(present)

    def _labels(self, container: Container | None, path: str) -> Labels:
        found = _cadvisor_labels(container or _NOBODY, self._allowed)
        names = self._names
        return (("id", path), *((name, shorten(found.get(name, ""))) for name in sorted(names)))


def base_labels(mode: Mode, container_labels: Iterable[str] = ()) -> BaseLabels:
    """The labels of a mode; `container_labels` is the allow-list of cAdvisor's."""
    return KubeletLabels() if mode == "kubelet" else CadvisorLabels(container_labels)


def kubelet_labels(container: Container | None, path: str) -> Labels:
    """The kubelet's label set, exactly, in its order; "" where there is nothing to say."""
    container = container or _NOBODY
    return (
        ("container", shorten(container.container)),
        ("id", path),
        ("image", shorten(container.image)),
        ("name", shorten(container.name)),
        ("namespace", shorten(container.namespace)),
        ("pod", shorten(container.pod)),
    )


def _cadvisor_labels(container: Container, allowed: Mapping[str, str]) -> dict[str, str]:
    labels = container.labels
    found = {label: labels[name] for name, label in allowed.items() if name in labels}
    return {**found, "name": container.name, "image": container.image}


class _Kept:
    """Label texts by cgroup inode."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[Container | None, str, str]] = {}
        """cgroup inode → (container, path, their labels as text)."""

    def of(
        self, samples: Sequence[Sample], make: Callable[[Container | None, str], Labels]
    ) -> list[str]:
        texts = self._texts
        found = []
        for sample in samples:
            container, (inode, path, _) = sample.container, sample.cgroup
            known = texts.get(inode)
            if known is None or known[0] is not container or known[1] != path:
                text = format_labels(make(container, path))
                known = texts[inode] = container, path, text
            found.append(known[2])
        if len(texts) > 2 * len(samples) + 16:
            alive = {sample.cgroup.inode for sample in samples}
            # list: another thread may be making a page of its own.
            for inode in list(texts):
                if inode not in alive:
                    texts.pop(inode, None)
        return found
