from __future__ import annotations

from dataclasses import replace

from agent.history.redact import Redaction
from agent.history.track import TrackReader, TrackWriter
from agent.machine import Machine
from tests.agent.history.made_up import MadeUp
from tests.agent.snapshots import docker, sample, snapshot


def test_values_of_labels_go_and_their_keys_stay() -> None:
    labels = {"com.docker.compose.project": "shop", "internal.note": "plain", "team": "a"}
    one = sample(container=replace(docker("web"), labels=labels))
    (redacted,) = Redaction(kept=("te*",)).redacted(snapshot(one)).samples
    assert redacted.container is not None
    assert redacted.container.labels == {
        "com.docker.compose.project": "shop",
        "internal.note": "[redacted]",
        "team": "a",
    }
    assert redacted.container.name == "web"
    assert redacted.reading == one.reading


def test_a_secret_in_any_text_goes() -> None:
    one = sample(container=replace(docker("web"), image="https://me:hunter2@registry/web"))
    assert "hunter2" not in repr(Redaction().redacted(snapshot(one)))


def test_the_machine_is_not_named() -> None:
    made = snapshot()
    made = replace(
        made, host=replace(made.host, machine=Machine(machine_id="m", system_uuid="s", boot_id="b"))
    )
    assert Redaction().redacted(made).host.machine == Machine(boot_id="b")


def test_what_two_snapshots_share_they_share_afterwards() -> None:
    one = sample(container=docker("web"))
    redaction = Redaction()
    first, second = (redaction.redacted(snapshot(one)) for _ in range(2))
    assert first.samples[0] is second.samples[0]


def test_every_kind_of_snapshot_can_be_redacted_and_written() -> None:
    for seed in range(20):
        redaction, writer = Redaction(), TrackWriter()
        reader = TrackReader(writer.types())
        for made in MadeUp(seed).row(2):
            redacted = redaction.redacted(made)
            assert reader.snapshot(writer.snapshot(redacted)) == redacted
