"""One look at a container's mounts: its writable layer and its volumes, not yet walked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from agent.faults import told
from agent.filesystem import mounts
from agent.filesystem.host_files import HostFiles, Place
from agent.filesystem.target import Target
from agent.filesystem.usage import FilesystemUsage, Layer, Space, Tree, Volume
from agent.filesystem.volume_type import OWNED, VolumeName, classify
from agent.kernelfile import UnexpectedText
from agent.procfs.mountinfo import Mount
from agent.records import NamedTuple

_SHM: Final = "/dev/shm"  # noqa: S108 in the container
"""Every container has one and hardly any uses it: told only where there is something in it."""


MountKey = tuple[int, tuple[int, int], str]
"""Which mount of a container, and what it shows: (mount id, device, root)."""


class LayerView(NamedTuple):
    """The writable layer."""

    path: str
    """What to walk; "" where the filesystem is the container's own and says all."""
    device: str
    space: Space
    log_size: int


class VolumeView(NamedTuple):
    """One volume."""

    name: VolumeName
    mount_point: str
    path: str
    """What to walk; "" where the filesystem says all."""
    space: Space


class ContainerView(NamedTuple):
    """What one look saw."""

    layer: LayerView | None
    volumes: tuple[VolumeView, ...]
    refused: int
    """Volumes left alone because they are on a network filesystem."""
    files: frozenset[MountKey] = frozenset()
    """Bind mounts of one file each, which a mount stays: they are not asked again."""
    looked_at: float | None = None
    """Monotonic seconds."""

    def paths(self) -> list[str]:
        """The directories to walk."""
        own = [self.layer.path] if self.layer is not None and self.layer.path else []
        return own + [volume.path for volume in self.volumes if volume.path]

    def usage(self, trees: Mapping[str, Tree], now: float) -> FilesystemUsage:
        """What is known, with the `trees` that were walked."""
        return FilesystemUsage(
            layer=None if self.layer is None else _layer(self.layer, trees, now, self.looked_at),
            volumes=tuple(_volume(volume, trees) for volume in self.volumes),
        )


def look_at(
    files: HostFiles,
    target: Target,
    pid: int,
    failed: Callable[[str], None],
    before: ContainerView | None = None,
) -> ContainerView | None:
    """
    Look at what is mounted in the container of `pid`. None once that is gone.

    `before` is what the last look saw of it.

    A part that cannot be read goes to `failed` and drops only itself.
    """
    try:
        found = files.read_mounts(pid)
    except (OSError, UnexpectedText) as error:
        failed(told(error))
        return None
    root = None if found is None else mounts.root_mount(found)
    if found is None or root is None:
        return None
    layer = None
    try:
        layer = _look_at_layer(files, target, pid, root, failed)
    except OSError as error:
        failed(f"writable layer: {told(error)}")
    known = frozenset[MountKey]() if before is None else before.files
    return _with_volumes(layer, files, target, pid, found, known, failed)


def _look_at_layer(
    files: HostFiles, target: Target, pid: int, root: Mount, failed: Callable[[str], None]
) -> LayerView | None:
    upper = mounts.upper_directory(root)
    if upper is not None:
        found = files.of_layer(upper)
        if found is None:
            return None
        place, device = found[0], found[1].device
    elif root.fs_type != "overlay" and mounts.holds_files(root.fs_type) and files.may_ask(root):
        seen = files.of_container(pid, root)
        if seen is None:
            return None
        place, device = seen, root.device
        if root.root == "/" and root.device == _device_of_root(files):
            return None  # it runs on the host's own root
    else:
        return None
    log_size = 0
    try:
        log_size = files.log_size(target.log_path, device)
    except FileNotFoundError:
        pass  # not written yet, or rotated away
    except OSError as error:
        failed(f"log files: {told(error)}")
    whole = upper is None and root.root == "/"
    return LayerView(
        path="" if whole else place.path,
        device=files.device_name(device),
        space=place.answer.space,
        log_size=log_size,
    )


def _device_of_root(files: HostFiles) -> tuple[int, int] | None:
    root = mounts.root_mount(files.mounts)
    return None if root is None else root.device


def _with_volumes(
    layer: LayerView | None,
    files: HostFiles,
    target: Target,
    pid: int,
    found: Sequence[Mount],
    known: frozenset[MountKey],
    failed: Callable[[str], None],
) -> ContainerView:
    volumes: list[VolumeView] = []
    single: set[MountKey] = set()
    seen: set[tuple[tuple[int, int], str]] = set()
    refused = 0
    for mount in _whole_first(mounts.volume_mounts(found)):
        if not files.may_ask(mount):
            refused += 1
            continue
        which = mount.mount_id, mount.device, mount.root
        if which in known:
            single.add(which)
            continue
        source = mounts.host_path(mount, files.mounts) or ""
        name = classify(source, mount.fs_type, in_pod=target.in_pod)
        walked = mount.root != "/" and name.type in OWNED
        # Two directories of one filesystem would show the same numbers twice.
        key = (mount.device, mount.root if walked else "")
        if key in seen:
            continue
        try:
            place = files.of_container(pid, mount)
        except OSError as error:
            failed(f"volume {mount.mount_point}: {told(error)}")
            continue
        if place is None:
            continue  # hidden by another mount
        if not place.answer.is_directory:
            single.add(which)
            continue
        if mount.mount_point != _SHM or _in_use(place.answer.space):
            seen.add(key)
            volumes.append(_volume_view(name, mount, place, walked=walked))
    return ContainerView(layer, tuple(volumes), refused, frozenset(single))


def _in_use(space: Space) -> bool:
    return space.used > 0 or (space.inodes or 0) - (space.inodes_free or 0) > 1


def _volume_view(name: VolumeName, mount: Mount, place: Place, *, walked: bool) -> VolumeView:
    named = name if name.name else name._replace(name=mount.mount_point)
    path = place.path if walked else ""
    return VolumeView(named, mount.mount_point, path, place.answer.space)


def _whole_first(found: Iterable[Mount]) -> list[Mount]:
    """In order, but of one filesystem the mount that shows more of it first."""
    return sorted(found, key=lambda mount: len(mount.root))


def _layer(
    view: LayerView, trees: Mapping[str, Tree], now: float, looked_at: float | None
) -> Layer:
    tree = trees.get(view.path)
    if not view.path:
        space = view.space
        used = 0 if space.inodes is None else space.inodes - (space.inodes_free or 0)
        tree = Tree(space.used, used, True, now, 0.0)
    return Layer(view.device, view.space, tree, view.log_size, looked_at)


def _volume(view: VolumeView, trees: Mapping[str, Tree]) -> Volume:
    space = view.space
    used: int | None = space.used
    inodes_used = None if space.inodes is None else space.inodes - (space.inodes_free or 0)
    if view.path:
        tree = trees.get(view.path)
        whole = tree is not None and tree.complete
        used = tree.size if tree is not None and whole else None
        inodes_used = tree.inodes if tree is not None and whole else None
    return Volume(view.name.name, view.name.type, view.mount_point, used, inodes_used, space)
