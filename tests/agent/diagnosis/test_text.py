"""How a diagnosis looks, on a terminal and as JSON."""

from __future__ import annotations

from dataclasses import replace

import orjson

from agent.cgroupfs.events import CgroupEvents
from agent.diagnosis.diagnose import diagnose
from agent.diagnosis.document import document
from agent.diagnosis.scene import Scene, scene_of
from agent.diagnosis.text import Style, diagnosis_text
from tests.agent.diagnosis.scenes import look
from tests.agent.diagnosis.test_rules import TICKS, idle, memory, throttled
from tests.golden_file import assert_golden


def scene() -> Scene:
    return scene_of(
        look(
            {
                "api": [throttled(t) for t in TICKS],
                "search": [memory(55 + 2 * t, tick=t, kills=t // 9, peak=100) for t in TICKS],
                "idle": [idle(t) for t in TICKS],
            }
        )
    )


def test_the_whole_host_as_text() -> None:
    assert_golden("why.txt", diagnosis_text(diagnose(scene()), scene(), Style()))


def test_a_cgroup_without_a_process_is_not_up() -> None:
    left = [
        replace(idle(t), cgroup_events=CgroupEvents(populated=False, frozen=False)) for t in TICKS
    ]
    seen = scene_of(look({"left": left}))
    text = diagnosis_text(diagnose(seen), seen, Style(), one=True)
    assert "docker, exited)" in text
    assert ", up " not in text


def test_every_line_fits_and_ascii_is_ascii() -> None:
    for width in (60, 80, 120):
        text = diagnosis_text(diagnose(scene()), scene(), Style(width=width, ascii_only=True))
        assert text.isascii()
        assert max(map(len, text.splitlines())) <= width


def test_colour_is_an_addition_to_the_sign() -> None:
    plain = diagnosis_text(diagnose(scene()), scene(), Style())
    coloured = diagnosis_text(diagnose(scene()), scene(), Style(colour=True))
    assert coloured != plain
    assert coloured.replace("\033[31m", "").replace("\033[33m", "").replace("\033[0m", "") == plain


def test_json_has_stable_names_and_the_worst_first() -> None:
    said = orjson.loads(document(diagnose(scene()), scene()))
    assert said["schema_version"] == 1
    assert said["seconds"] == 10.0
    assert [container["name"] for container in said["containers"]] == ["search", "api", "idle"]
    api = said["containers"][1]
    assert api["runtime"] == "docker"
    assert api["findings"][0]["rule"] == "cpu_throttled"
    assert api["findings"][0]["severity"] == "critical"
    assert api["findings"][0]["evidence"][1] == {
        "says": "used 1.95 of 2.00 cores = 98% of the limit",
        "source": "cpu.stat usage_usec, cpu.max",
    }
    assert said["containers"][2]["findings"] == []
