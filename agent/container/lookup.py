"""One look at what the runtimes left about one cgroup: which container it is.

Tried in this order, each only where the one before has no answer:

    1. Docker's own record, in a data root that is known
    2. the shim or conmon above a process of the cgroup, which tells where everything else is
    3. the runtimes' usual directories (no process yet, or its parents may not be read)
    4. runc's and crun's state files
    5. Docker's API, where it is configured
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Final

from agent.cgroupfs.reading import Cgroup
from agent.config import HostPaths
from agent.container import bare, containerd, crio, docker, podman, podman_database
from agent.container.container import Container
from agent.container.failures import READ_FAILURES, Failures
from agent.container.identity import CgroupIdentity, CgroupKind
from agent.container.oci import Bundle, read_bundle
from agent.container.places import Places, first
from agent.container.process import boot_time, init_pid, read_pidfile, started, uid_of
from agent.container.statefile import Signature, names, signature
from agent.container.supervisor import Supervisor, find_supervisor
from agent.container.told import ContainerSource
from agent.kernelfile import Denied
from agent.records import NamedTuple, replace

_PIDS_TRIED: Final = 2
"""Processes of one cgroup whose parents are followed: the first may just be ending."""
_BY_PATH: Final = ("lxc", "systemd-nspawn")
_NAMESPACES: Final = ("k8s.io", "moby", "default")
"""containerd's namespaces to try where their directory may be entered and not listed."""
_MAX_NAMESPACES: Final = 100
"""Tried at most: in a container anybody may have made them."""


class Found(NamedTuple):
    """An answer."""

    container: Container
    watch: str = ""
    """A file that is replaced when the answer changes; "" where none is."""
    signature: Signature | None = None
    """Of `watch`, taken before it was read."""
    pid: int | None = None
    """What the runtime wrote down as the first process, not yet checked."""
    supervisor: Supervisor | None = None
    """Through which it was found."""
    manifest: str = ""
    """Digest of the image's manifest, by which `image_id` is still to be found."""


class _Asked(NamedTuple):
    cgroup: Cgroup
    identity: CgroupIdentity
    processes: Sequence[int]
    supervisor: Supervisor | None = None

    @property
    def name(self) -> str:
        """Last segment of the cgroup's path."""
        return self.cgroup.path.rpartition("/")[2]

    def is_of(self, bundle: Bundle, id_: str) -> bool:
        """Whether the cgroup is this bundle's: by its id, or by the name the bundle gives it."""
        return id_ == self.identity.id or (bundle.cgroup_name or id_) == self.name


class Lookup:
    """Looks containers up. Keeps what several containers share: data roots, containers.json."""

    def __init__(
        self, paths: HostPaths, failures: Failures, engine: ContainerSource | None = None
    ) -> None:
        """engine: Docker's API, asked where the files say nothing."""
        self._paths = paths
        self._engine = engine
        self._places = Places(paths, failures)
        self._docker_roots = list(paths.docker)
        self._content_roots = list(paths.containerd)
        """Root directories of containerds that hold images for Docker."""
        self._crio_roots: list[str] = []
        """Run roots of CRI-Os that were found by a conmon of root's."""
        self._booted = boot_time()

    # Made when they are first asked: a command on a host without Podman starts without its files.

    @cached_property
    def _podman(self) -> podman.Stores:
        return podman.Stores()

    @cached_property
    def _databases(self) -> podman_database.Databases:
        return podman_database.Databases()

    @cached_property
    def _bare(self) -> bare.States:
        return bare.States(self._paths.host(self._paths.run))

    def find(
        self,
        cgroup: Cgroup,
        identity: CgroupIdentity,
        pids: Callable[[], Sequence[int]],
        subject: str,
    ) -> Found | None:
        """
        Identify one cgroup of the kind CONTAINER or OTHER. None: nobody claims it.

        Raises `Denied`, `UnreadableState` and OSError of the file that the answer would be in; for
        what only adds to an answer they go to `failures`, under `subject`.
        """
        self._places.subject = subject
        if identity.runtime in _BY_PATH:
            return Found(by_path(cgroup, identity))
        asked = _Asked(cgroup, identity, pids())
        try:
            found = first(self._layers(asked), lambda layer: layer())
        except READ_FAILURES as error:
            found = self._told(asked)
            if found is None:
                raise
            self._places.note(error)
        if found is None:
            found = self._told(asked)
        return None if found is None else self._with_process(found, asked)

    def _layers(self, asked: _Asked) -> Iterator[Callable[[], Found | None]]:
        if asked.identity.runtime == "docker":
            yield lambda: self._known_docker(asked)
        supervisor = self._supervisor(asked.processes)
        if supervisor is not None:
            supervised = asked._replace(supervisor=supervisor)
            if supervisor.kind == "conmon":
                yield lambda: self._by_conmon(supervised, supervisor)
            else:
                yield lambda: self._by_shim(supervised, supervisor)
        if asked.identity.kind is CgroupKind.CONTAINER:
            yield lambda: self._task(asked)
            yield lambda: self._stored(asked)
        if asked.processes and supervisor is None:
            yield lambda: self._without_manager(asked.cgroup.path)

    def _supervisor(self, processes: Sequence[int]) -> Supervisor | None:
        try:
            for pid in processes[:_PIDS_TRIED]:
                if (found := find_supervisor(self._paths.proc, pid)) is not None:
                    return found
        except READ_FAILURES as error:
            self._places.note(error)
        return None

    # --- Docker

    def _told(self, asked: _Asked) -> Found | None:
        if self._engine is None or asked.identity.runtime not in (None, "docker"):
            return None
        told = self._engine.get(asked.identity.id or asked.name)
        if told is None:
            return None
        container = told.container
        if container.pid is None:
            container = replace(container, started=None)  # the last run's; this one's comes at once
        return self._with_image(Found(container, pid=container.pid, manifest=told.manifest))

    def _known_docker(self, asked: _Asked) -> Found | None:
        directories = (
            f"{self._paths.host(root)}/containers/{asked.identity.id}"
            for root in self._docker_roots
        )
        found = first(directories, _read_docker)
        return None if found is None else self._with_image(found)

    def _docker(self, id_: str, bundle: Bundle, supervisor: Supervisor | None) -> Found | None:
        root = docker.data_root_of(bundle)
        if root is None:
            return None
        directory = f"{root}/containers/{id_}"
        found = self._places.read(directory, supervisor, _read_docker)
        on_host = found is not None and found.watch.startswith(self._paths.host(directory))
        if on_host and root not in self._docker_roots:
            self._docker_roots.append(root)
        return found

    def _with_image(self, found: Found) -> Found:
        if not found.manifest:
            return found
        for root in self._content_roots:
            if image_id := self._image_id(root, found.supervisor, found.manifest):
                return found._replace(container=replace(found.container, image_id=image_id))
        return found

    # --- containerd

    def _by_shim(self, asked: _Asked, shim: Supervisor) -> Found | None:
        parents = [f"{tasks}/{shim.namespace}" for tasks in self._task_directories()]
        if shim.bundle:
            parents.insert(0, os.path.dirname(shim.bundle))
        ids = [asked.identity.id] if asked.identity.id else [asked.name, shim.id]
        directories = (f"{parent}/{id_}" for parent in parents for id_ in ids)
        try:
            return first(directories, lambda path: self._bundle(asked, path, shim.namespace))
        except READ_FAILURES as error:
            # Of a container with an id of free text the command line is all there is.
            if shim.namespace == "moby" or shim.id != asked.name:
                raise
            self._places.note(error)
        container = Container(runtime="containerd", id=shim.id, name=shim.id, complete=False)
        return Found(replace(container, source="containerd"), supervisor=shim)

    def _task(self, asked: _Asked) -> Found | None:
        """A containerd bundle in the usual directories, whichever namespace it is in."""
        if asked.identity.runtime not in (None, "docker", "containerd"):
            return None
        places = (
            (f"{tasks}/{namespace}/{asked.identity.id}", namespace)
            for tasks in self._task_directories()
            for namespace in _namespaces(self._paths.host(tasks))
        )
        return first(places, lambda place: self._bundle(asked, *place))

    def _task_directories(self) -> list[str]:
        return [f"{state}/{containerd.TASKS}" for state in self._paths.containerd_state]

    def _bundle(self, asked: _Asked, directory: str, namespace: str) -> Found | None:
        """The container of a containerd bundle, if there is one and the cgroup is its own."""
        found = self._places.read(directory, asked.supervisor, _directory_and_bundle)
        id_ = os.path.basename(directory)
        if found is None or not asked.is_of(found[1], id_):
            return None
        opened, bundle = found
        pid = read_pidfile(f"{opened}/init.pid")
        if namespace == "moby":
            record = self._docker(id_, bundle, asked.supervisor)
            if record is None:
                return None
            root = containerd.root_of(opened)
            if root and root not in self._content_roots:
                self._content_roots.append(root)
            record = record._replace(pid=record.pid or pid, supervisor=asked.supervisor)
            return self._with_image(record)
        container = self._containerd(asked.supervisor, opened, bundle, namespace, id_)
        return Found(container, pid=pid, supervisor=asked.supervisor)

    def _containerd(
        self, shim: Supervisor | None, opened: str, bundle: Bundle, namespace: str, id_: str
    ) -> Container:
        own_root = containerd.root_of(opened)
        for root in dict.fromkeys([own_root, *self._paths.containerd]):
            record = self._places.add(
                root, shim, lambda view: containerd.read_record(view, namespace, id_)
            )
            if record is None:
                continue
            container = containerd.describe(id_, bundle, record, None)
            if container.image_id or not record.target:
                return container
            return replace(container, image_id=self._image_id(root, shim, record.target))
        return self._containerd_without_meta(opened, bundle, id_)

    def _image_id(self, root: str, shim: Supervisor | None, target: str) -> str:
        found = self._places.add(
            root, shim, lambda view: containerd.image_config(view, target) or None
        )
        return found or ""

    def _containerd_without_meta(self, opened: str, bundle: Bundle, id_: str) -> Container:
        sandbox_id = bundle.annotations.get(f"{containerd.CRI}sandbox-id")
        if not sandbox_id:
            return containerd.describe(id_, bundle, None, None)
        sandbox = read_bundle(f"{os.path.dirname(opened)}/{sandbox_id}")
        logs = containerd.log_directory(bundle, sandbox) if sandbox is not None else ""
        attempt = self._places.add(logs, None, containerd.last_attempt)
        container = containerd.describe(id_, bundle, None, sandbox)
        if attempt is None:
            return container
        log_path = f"{logs}/{attempt}.log"
        return replace(container, attempt=attempt, log_path=log_path, log_format="cri")

    # --- Podman and CRI-O

    def _by_conmon(self, asked: _Asked, conmon: Supervisor) -> Found | None:
        bundle = self._places.add(conmon.bundle, conmon, read_bundle)
        if bundle is None:
            # conmon alone names a Podman container, and knows nothing of CRI-O's.
            if conmon.id != asked.identity.id or asked.identity.runtime != "podman":
                return None
        elif not asked.is_of(bundle, conmon.id):
            return None
        elif crio.is_crio(bundle):
            self._keep_root(conmon)
        pid = self._places.add(conmon.pidfile, conmon, read_pidfile)
        container = self._of_storage(conmon.id, conmon.bundle, bundle, conmon)
        return Found(container, pid=pid, supervisor=conmon)

    def _keep_root(self, conmon: Supervisor) -> None:
        """Where the sandboxes are that have no process, and so no conmon to tell of them."""
        root = podman.graph_root(conmon.bundle)
        if root and root not in self._crio_roots and uid_of(self._paths.proc, conmon.pid) == 0:
            self._crio_roots.append(root)

    def _stored(self, asked: _Asked) -> Found | None:
        """A bundle in the usual graph roots and in CRI-O's run roots."""
        if asked.identity.runtime not in (None, "podman", "cri-o"):
            return None
        id_ = asked.identity.id or ""
        usual = f"{self._paths.run}/containers/storage"
        directories = (
            f"{graph}/{driver}-containers/{id_}/userdata"
            for graph in (*self._paths.podman, usual, *self._crio_roots)
            for driver in podman.DRIVERS
        )

        def look(directory: str) -> Found | None:
            bundle = self._places.read(directory, None, read_bundle)
            if bundle is None:
                return None
            return Found(self._of_storage(id_, directory, bundle, None))

        return first(directories, look)

    def _of_storage(
        self, id_: str, directory: str, bundle: Bundle | None, conmon: Supervisor | None
    ) -> Container:
        if bundle is not None and crio.is_crio(bundle):
            return crio.describe(
                id_, bundle, directory, self._sandbox_of(bundle, directory, conmon)
            )
        store = podman.store_directory(directory)
        graph = podman.graph_root(directory)
        stored = self._places.add(store, conmon, lambda path: self._podman.get(path, id_))
        recorded = self._places.add(graph, conmon, lambda path: self._databases.get(path, id_))
        log = conmon.log if conmon is not None else f"{directory}/ctr.log"
        if conmon is None and signature(self._paths.host(log)) is None:
            log = ""
        name = conmon.name if conmon is not None else ""
        return podman.describe(id_, name, log, bundle, stored, recorded)

    def _sandbox_of(
        self, bundle: Bundle, directory: str, conmon: Supervisor | None
    ) -> Bundle | None:
        store, id_ = podman.store_directory(directory), crio.sandbox_id(bundle)
        if not store or not id_ or "/" in id_:
            return None
        return self._places.add(f"{store}/{id_}/userdata", conmon, read_bundle)

    # --- runc and crun

    def _without_manager(self, path: str) -> Found | None:
        state = self._bare.find(path)
        if state is None:
            return None
        bundle = self._places.add(state.bundle, None, read_bundle)
        return Found(bare.describe(state, bundle), pid=state.pid)

    def _with_process(self, found: Found, asked: _Asked) -> Found:
        proc = self._paths.proc
        pid, start = None, found.container.started
        try:
            pid = init_pid(proc, asked.cgroup.path, found.pid, found.supervisor, asked.processes)
            if start is None and pid is not None:
                start = started(proc, pid, self._booted)
        except READ_FAILURES as error:
            self._places.note(error)
        if start is None:
            start = asked.cgroup.created
        return found._replace(container=replace(found.container, pid=pid, started=start))


def by_path(cgroup: Cgroup, identity: CgroupIdentity) -> Container:
    """What the path alone says of a container."""
    id_ = identity.id or ""
    named = identity.runtime in _BY_PATH
    return Container(
        runtime=identity.runtime or "",
        id=id_,
        # In Kubernetes the id is the name; what Docker or Podman call it, the path does not say.
        name=id_ if named or identity.pod_uid else "",
        pod_uid=identity.pod_uid or "",
        started=cgroup.created,
        source="path",
        complete=named,
    )


def _read_docker(directory: str) -> Found | None:
    path = f"{directory}/{docker.CONFIG}"
    before = signature(path)
    found = docker.read_container(directory) if before is not None else None
    if found is None:
        return None
    container = found.container
    if not found.running:
        container = replace(container, started=None)  # the last run's; this one's comes at once
    pid = container.pid
    return Found(container, watch=path, signature=before, pid=pid, manifest=found.manifest)


def _directory_and_bundle(directory: str) -> tuple[str, Bundle] | None:
    bundle = read_bundle(directory)
    return None if bundle is None else (directory, bundle)


def _namespaces(directory: str) -> Sequence[str]:
    try:
        return names(directory)[:_MAX_NAMESPACES]
    except Denied:
        return _NAMESPACES  # reading the bundle there will say what may not be read
