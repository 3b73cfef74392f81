from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from agent.container.statefile import UnreadableState
from agent.security.reports.images import Images
from agent.security.reports.report import ImageReport
from agent.security.reports.verifications import (
    Verifications,
    parse_result,
    read_verifications,
)
from agent.security.reports.watcher import ImageWatcher, combined
from tests.agent.security.reports.test_formats import ID, MANIFEST, REPORTS

NONE = Verifications({}, ())
OLD = ImageReport("trivy", frozenset({ID}), frozenset({MANIFEST}), {}, 100.0)


def test_of_two_scans_of_an_image_the_newer_counts() -> None:
    new = replace(OLD, tool="grype", scanned_at=200.0)
    for reports in ([OLD, new], [new, OLD]):
        assert combined(reports, NONE, ()).scan_of(ID, "") is new


def test_an_image_without_a_known_id_is_found_by_the_digest_in_its_name() -> None:
    images = combined([OLD], NONE, ())
    assert images.scan_of("", f"shop/api@{MANIFEST}") is OLD
    assert images.scan_of("", "shop/api:4.2") is None
    assert images.scan_of("sha256:" + "0" * 64, "shop/api:4.2") is None


def test_without_a_directory_nothing_is_said_to_be_scanned_or_not() -> None:
    assert not Images().scanning
    assert combined([], NONE, ()).scanning


def test_results_are_taken_by_name_and_by_what_they_say(tmp_path: Path) -> None:
    a, b, c, d = ("sha256:" + letter * 64 for letter in "abcd")
    (tmp_path / f"{a}.verified").write_text("")
    (tmp_path / f"{b.replace(':', '-')}.json").write_text('{"verified": false}')
    (tmp_path / f"{c.removeprefix('sha256:')}.json").write_bytes(
        orjson.dumps([{"critical": {"image": {"docker-manifest-digest": c}}}])
    )
    (tmp_path / f"{d}.json").write_text("{}")
    (tmp_path / "README").write_text("")
    found = read_verifications(str(tmp_path))
    assert found.verified == {a: True, b: False, c: True}
    assert len(found.problems) == 1
    assert f"{d}.json" in found.problems[0]


def test_a_result_in_words_beats_a_file_that_is_only_there(tmp_path: Path) -> None:
    (tmp_path / f"{ID}.verified").write_text("")
    (tmp_path / f"{ID}.json").write_text('{"verified": false}')
    assert read_verifications(str(tmp_path)).verified == {ID: False}


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = read_verifications(str(tmp_path / "gone"))
    assert found.problems == (f"{tmp_path}/gone: No such file or directory",)


def test_an_empty_list_of_signatures_verified_nothing() -> None:
    assert parse_result([], "x") is False
    with pytest.raises(UnreadableState, match="neither"):
        parse_result({"verified": "yes"}, "x")


def test_nobody_tried_is_not_false() -> None:
    images = combined(None, Verifications({ID: False}, ()), ())
    assert images.verification_of(ID, "") is False
    assert images.verification_of("", "shop/api:4.2") is None


def test_the_watcher_takes_up_a_new_report_by_itself(tmp_path: Path) -> None:
    watcher = ImageWatcher(str(tmp_path), "", every=0.01)
    watcher.start()
    try:
        shutil.copy(REPORTS / "trivy.json", tmp_path / "new~")
        (tmp_path / "new~").rename(tmp_path / "new.json")
        deadline = time.monotonic() + 20
        while watcher.current().scan_of(ID, "") is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        watcher.stop()
