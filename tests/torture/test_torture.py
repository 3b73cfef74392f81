"""Random runs against a model that knows the truth: 500 seeds, or TORTURE_SEEDS=FROM:TO.

A failure names its seed; TORTURE_SEEDS=N:N+1 repeats it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.logs import chain as chain_module
from tests.torture.disk import StateDisk
from tests.torture.run import Run

STEPS = 200
SLICE = 25
"""Seeds in one test: one line of output each would drown the rest."""

EVERYTHING = {
    "gzip", "clock", "checkpoint not saved", "spooled", "killed", "receiver died", "destroyed",
    "not spooled", "rotated by half",
}  # fmt: skip
"""What a run over all seeds must have done."""
DID: Counter[str] = Counter()

HARMLESS: list[tuple[Callable[[Run], object], int]] = [
    (Run.write, 30), (Run.rotate, 4), (Run.compress, 4), (Run.copytruncate, 4), (Run.look, 14),
    (Run.read, 40), (Run.retire, 5), (Run.suspend, 1), (Run.flush, 4), (Run.receive, 25),
    (Run.save, 8), (Run.toggle_disk, 1),
]  # fmt: skip
HARMFUL: list[tuple[Callable[[Run], object], int]] = [
    (Run.truncate, 1), (Run.delete_oldest, 3), (Run.unlink_and_recreate, 1), (Run.kill, 1),
    (Run.stop, 1), (Run.start, 6), (Run.receiver_dies, 2),
]  # fmt: skip


KEPT = (574, 1334, 1917, 3185, 3894, 3970, 5037, 5050, 5828, 5848, 7392, 20394, 22084)
"""Each found a fault once."""


def seeds() -> list[range]:
    given = os.environ.get("TORTURE_SEEDS")
    begin, end = map(int, (given or "0:500").split(":"))
    kept = [] if given else [range(seed, seed + 1) for seed in KEPT]
    return kept + [range(at, min(at + SLICE, end)) for at in range(begin, end, SLICE)]


@pytest.mark.usefixtures("short_pieces")
@pytest.mark.parametrize("part", seeds(), ids=lambda part: f"{part.start}-{part.stop - 1}")
def test_no_line_is_lost_but_what_was_destroyed_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: range
) -> None:
    monkeypatch.setattr(chain_module, "IDLE", float("inf"))
    disk = StateDisk(tmp_path / "state")
    did: Counter[str] = Counter()
    try:
        for seed in part:
            directory = tmp_path / str(seed)
            directory.mkdir()
            did += torture(directory, disk, seed)
    finally:
        disk.close()
    DID.update(did)


def test_the_seeds_do_all_that_is_asked_for() -> None:
    if "TORTURE_SEEDS" in os.environ or not DID:
        pytest.skip("only after the usual seeds")
    assert not EVERYTHING - DID.keys()


def torture(directory: Path, disk: StateDisk, seed: int) -> Counter[str]:
    """Return what happened, and how often."""
    run = Run(directory, disk, seed)
    calm = seed % 4 == 0
    actions = HARMLESS if calm else HARMLESS + HARMFUL
    weights = [weight for _action, weight in actions]
    try:
        for _ in range(STEPS):
            ((action, _weight),) = run.rng.choices(actions, weights)
            action(run)
        run.finish()
        check(run, seed, calm=calm)
    finally:
        run.close()
    return run.did


def check(run: Run, seed: int, *, calm: bool) -> None:
    missing = [line.number for line in run.undelivered() if not line.lost]
    assert not missing, f"seed {seed}: lost {missing[:10]}"
    twice = [
        number
        for number, count in run.delivered.items()
        if count > 1 and count - 1 > run.twice_allowed[number]
    ]
    assert not twice, f"seed {seed}: twice {twice[:10]}"
    gone = {generation for line in run.undelivered() for generation, _end in line.pieces}
    due = [causes for generation, causes in run.due.items() if generation in gone]
    for causes in due:
        assert causes & run.losses.keys(), f"seed {seed}: {causes} not among {dict(run.losses)}"
    counted = run.losses.total()
    assert len(due) <= counted, f"seed {seed}: {len(due)} losses, {counted} counted"
    if not run.did["destroyed"]:
        assert not run.losses, f"seed {seed}: {dict(run.losses)} counted, nothing was lost"
    if calm:
        assert set(run.delivered.values()) <= {1}, f"seed {seed}: twice in a calm run"
        assert not run.losses, f"seed {seed}: {dict(run.losses)} counted in a calm run"
        for stream in ("stdout", "stderr"):
            order = [n for n in run.order if run.program.lines[n].stream == stream]
            assert order == sorted(order), f"seed {seed}: {stream} is out of order"
