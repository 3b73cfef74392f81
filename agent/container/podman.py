"""Podman's containers: name from conmon, image from containers/storage, the rest from its database.

<graph root>/<driver>-containers/containers.json (volatile-containers.json: with --rm)
    [{"id":"39f3…","names":["web"],"image":"552e…","metadata":"{\"image-name\":\"…\"}",…}]
<graph root>/<driver>-containers/<id>/userdata/{config.json,ctr.log}
<graph root>/{db.sql,libpod/db.sql,libpod/bolt_state.db}: see podman_database.py

A member of a Podman pod has the pod's name in `pod` and its own in `container`, as in Kubernetes,
and no namespace: what sums over a pod's containers works, `name` stays what `podman ps` shows, and
nothing of it is taken for Kubernetes' where a namespace is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from agent.container.container import Container, Kind
from agent.container.oci import Bundle
from agent.container.podman_database import Recorded
from agent.container.statefile import (
    Signature,
    as_object,
    objects,
    parse_json,
    read_json,
    signature,
    strings,
    text,
)
from agent.records import NamedTuple

STORES: Final = ("containers.json", "volatile-containers.json")
DRIVERS: Final = ("overlay", "vfs", "btrfs", "zfs")
_INFRA_NAME = re.compile(r"[0-9a-f]{12}-infra\Z")


class Stored(NamedTuple):
    """One container in containers/storage."""

    name: str
    image: str
    image_id: str


class Stores:
    """containers.json and volatile-containers.json of many directories, read when they changed."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[Signature, Mapping[str, Stored]]] = {}

    def containers(self, directory: str) -> dict[str, Stored]:
        """Every container in `directory`, by id. Raises `Denied`, `UnreadableState`."""
        found: dict[str, Stored] = {}
        for name in STORES:
            found.update(self._store(f"{directory}/{name}"))
        return found

    def get(self, directory: str, id_: str) -> Stored | None:
        """One container. Raises `Denied`, `UnreadableState`."""
        for name in STORES:
            if (stored := self._store(f"{directory}/{name}").get(id_)) is not None:
                return stored
        return None

    def _store(self, path: str) -> Mapping[str, Stored]:
        now_is = signature(path)
        if now_is is None:
            self._read.pop(path, None)
            return {}
        known = self._read.get(path)
        if known is None or known[0] != now_is:
            known = (now_is, parse_store(read_json(path), path))
            self._read[path] = known
        return known[1]


def parse_store(value: object, path: str) -> dict[str, Stored]:
    """Turn containers.json into containers by id; what has no id is skipped."""
    found = {}
    for item in objects({"containers": value}, "containers"):
        metadata = text(item, "metadata")
        details = as_object(parse_json(metadata.encode(), path), path) if metadata else {}
        image_id = text(item, "image")
        if id_ := text(item, "id"):
            found[id_] = Stored(
                name=next(iter(strings(item, "names")), ""),
                image=text(details, "image-name"),
                image_id=f"sha256:{image_id}" if image_id else "",
            )
    return found


def graph_root(bundle_directory: str) -> str:
    """<graph root> of …/<driver>-containers/<id>/userdata; "" for a bundle that is elsewhere."""
    store = store_directory(bundle_directory)
    return os.path.dirname(store) if store else ""


def store_directory(bundle_directory: str) -> str:
    """…/<driver>-containers, where containers.json is; "" for a bundle that is elsewhere."""
    store = os.path.dirname(os.path.dirname(bundle_directory))
    return store if store.endswith("-containers") else ""


def describe(
    id_: str,
    name: str,
    log_path: str,
    bundle: Bundle | None,
    stored: Stored | None,
    recorded: Recorded | None,
) -> Container:
    """
    The identity from conmon (`name`, `log_path`; "" without one), storage and database.

    In a pod, the infra container is the sandbox.
    """
    known = recorded or Recorded()
    # conmon keeps the name it was started with; a rename is in the database.
    name = known.name or name or (stored.name if stored is not None else "")
    image = (stored.image if stored is not None else "") or known.image
    if not log_path and known.log_driver in ("k8s-file", "json-file"):
        log_path = known.log_path
    kind = bundle.annotations.get("io.kubernetes.cri-o.ContainerType") if bundle else None
    infra = known.is_infra or kind == "sandbox" or _INFRA_NAME.match(name) is not None
    return Container(
        runtime="podman",
        id=id_,
        kind=Kind.SANDBOX if infra else Kind.CONTAINER,
        name=name,
        image=image,
        image_id=stored.image_id if stored is not None else "",
        container=name if known.pod and not infra else "",
        pod=known.pod,
        pod_uid=known.pod_id,
        labels=known.labels,
        declared=known.declared,
        attempt=known.restarts,
        log_driver=known.log_driver,
        log_path=log_path,
        log_format="cri" if log_path else "",
        source="podman",
        # A container made with --rootfs has no image, and its storage has no record of it; one that
        # is not in the database is looked for again, for it may have been written just now.
        complete=bool(name) and bool(image or stored is not None) and recorded is not None,
    )
