"""The lifecycle probe: execs, ends of processes and OOM victims of each cgroup.

    probes/lifecycle.bpf.c  the programs, for libbpf
    probes/lifecycle.bcc.c  the same, for bcc
    decode.py               what they count

`loader.open_lifecycle` makes one. What one read costs: a bpf(2) call for each 1024 entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Final

from agent.bpf import syscall
from agent.bpf.decode import KEY, VALUE, LifecycleReading, decode_lifecycle, keys_of, sum_cpus
from agent.bpf.loaded import Loaded
from agent.bpf.probeset import LoaderName, ProbeSet, Program

LIFECYCLE: Final = ProbeSet(
    name="lifecycle",
    programs=(
        Program(name="on_exec", feature="exec", tracepoint="sched_process_exec"),
        Program(
            name="on_exit",
            feature="exit",
            tracepoint="sched_process_exit",
            first_argument="struct task_struct *",
        ),
        # An int pid before Linux kernel commit 72ba14deb40a ("mm: update mark_victim tracepoints
        # fields") (in v6.9, and in stable kernels).
        Program(
            name="on_oom",
            feature="oom",
            tracepoint="mark_victim",
            first_argument="struct task_struct *",
        ),
    ),
    maps=("counts", "drops"),
    optional_fields=(("signal_struct", "group_exec_task"),),
)

_FIRST: Final = bytes(4)
"""The only key of the array "drops"."""


class LifecycleProbe:
    """Running programs and their maps. Use by one thread; a context manager."""

    def __init__(
        self,
        loader: LoaderName,
        loaded: Loaded,
        reasons: tuple[tuple[str, str], ...] = (),
        *,
        cpus: int | None = None,
    ) -> None:
        """Take over `loaded`. `cpus`: possible CPUs, read from /sys where not given."""
        self.loader = loader
        self.reasons = reasons
        """(loader, why it did not do) for each that was tried before this one."""
        self.off: Mapping[str, str] = {
            program.feature: loaded.off.get(program.name, "not in the loaded object")
            for program in LIFECYCLE.programs
            if program.name not in loaded.links
        }
        """Feature, of exec, exit and oom -> why it is not counted here."""
        self._loaded = loaded
        self._features = frozenset(
            program.feature for program in LIFECYCLE.programs if program.name in loaded.links
        )
        try:
            self._drops_size = VALUE.size * (syscall.possible_cpus() if cpus is None else cpus)
            self._check_layout()
        except BaseException:
            loaded.close()
            raise

    def read(self) -> LifecycleReading:
        """Read all counters. Raise OSError where the kernel refuses, ValueError when closed."""
        batches = syscall.batches(self._map("counts"), KEY.size, VALUE.size)
        drops = syscall.lookup(self._map("drops"), _FIRST, self._drops_size)
        if drops is None:
            raise RuntimeError('map "drops" has no entry 0, which an array always has')
        return decode_lifecycle(batches, sum_cpus(drops), self._features)

    def forget(self, ids: Iterable[int]) -> None:
        """
        Remove all entries of these cgroups, so that the dead do not fill the map.

        Pass only ids that are gone: an id seen in an earlier reading and missing in a walk of the
        tree made after that reading. An id which is merely not known yet may be a new container's,
        and its counts would be lost. A cgroup that is gone gets no more entries, since it had to be
        empty of processes; so a reading made after such a walk has its last counts.
        """
        gone = frozenset(ids)
        if not gone:
            return
        counts = self._map("counts")
        # The keys first: deleting moves nothing, but a batch walk over a changing map is not exact.
        keys = b"".join(keys for keys, _ in syscall.batches(counts, KEY.size, VALUE.size))
        for key in keys_of(gone, keys):
            syscall.delete(counts, key)

    def program_ids(self) -> dict[str, int]:
        """Program name -> its number in the kernel, as in `bpftool prog show id N`."""
        return {name: syscall.linked_program(fd) for name, fd in self._loaded.links.items()}

    def close(self) -> None:
        """Detach and free. May be called again."""
        self._loaded.close()

    def __enter__(self) -> LifecycleProbe:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _map(self, name: str) -> int:
        try:
            return self._loaded.maps[name]
        except KeyError:
            raise ValueError("the probe is closed") from None

    def _check_layout(self) -> None:
        info = syscall.map_info(self._map("counts"))
        if (info.key_size, info.value_size) != (KEY.size, VALUE.size):
            raise RuntimeError(
                f'map "counts" has keys of {info.key_size} and values of {info.value_size} bytes,'
                f" not {KEY.size} and {VALUE.size}: object and agent are not of one version"
            )
