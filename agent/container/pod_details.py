"""What the container runtime knows of a Kubernetes container that its log's path does not say."""

from __future__ import annotations

from agent.config import HostPaths
from agent.container import containerd, crio, podman
from agent.container.container import Container
from agent.container.oci import Bundle, read_bundle
from agent.records import replace


class PodDetails:
    """Image, labels, what the pod asks by annotations, and runtime: from containerd's meta.db or
    from CRI-O's bundles."""

    def __init__(self, paths: HostPaths) -> None:
        self._meta_roots = tuple(paths.host(root) for root in paths.containerd)
        storage = (*paths.podman, f"{paths.run}/containers/storage")
        self._storage_roots = tuple(paths.host(root) for root in storage)

    def __call__(self, container: Container) -> Container:
        """`container` with more in it; itself where no runtime has it. Raises like the readers."""
        for root in self._meta_roots:
            record = containerd.read_record(root, "k8s.io", container.id)
            if record is not None:
                return replace(
                    container,
                    runtime="containerd",
                    image=record.image,
                    image_id=record.image_id,
                    labels=record.labels,
                    log_annotations=record.log_annotations,
                    source="containerd",
                    complete=bool(record.image),
                )
        return self._crio(container)

    def _crio(self, container: Container) -> Container:
        for root in self._storage_roots:
            for driver in podman.DRIVERS:
                store = f"{root}/{driver}-containers"
                directory = f"{store}/{container.id}/userdata"
                bundle = read_bundle(directory)
                if bundle is not None and crio.is_crio(bundle):
                    sandbox = _sandbox(store, crio.sandbox_id(bundle))
                    found = crio.describe(container.id, bundle, directory, sandbox)
                    return replace(
                        container,
                        runtime=found.runtime,
                        image=found.image,
                        image_id=found.image_id,
                        labels=found.labels,
                        log_annotations=found.log_annotations,
                        source=found.source,
                        complete=found.complete,
                    )
        return container


def _sandbox(store: str, id_: str) -> Bundle | None:
    return read_bundle(f"{store}/{id_}/userdata") if id_ and "/" not in id_ else None
