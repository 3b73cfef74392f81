"""agent/logs/siblings.py"""

from __future__ import annotations

from agent.logs.siblings import chain_order


def test_dockers_numbers_count_from_the_newest() -> None:
    names = ["c-json.log", "c-json.log.1", "c-json.log.10", "c-json.log.2", "config.v2.json"]
    assert chain_order("c-json.log", names) == [
        "c-json.log.10",
        "c-json.log.2",
        "c-json.log.1",
        "c-json.log",
    ]


def test_the_kubelets_times_count_from_the_oldest() -> None:
    names = ["0.log", "0.log.20260102-150405", "0.log.20251231-235959", "1.log", "10.log"]
    assert chain_order("0.log", names) == [
        "0.log.20251231-235959",
        "0.log.20260102-150405",
        "0.log",
    ]


def test_compressed_files_are_in_their_places() -> None:
    names = ["c.log", "c.log.3.gz", "c.log.2.gz", "c.log.1"]
    assert chain_order("c.log", names) == ["c.log.3.gz", "c.log.2.gz", "c.log.1", "c.log"]
    names = ["0.log", "0.log.20260102-150405.gz", "0.log.20260103-150405"]
    assert chain_order("0.log", names) == [
        "0.log.20260102-150405.gz",
        "0.log.20260103-150405",
        "0.log",
    ]


def test_a_compressed_file_in_the_making_is_not_read() -> None:
    assert chain_order("c.log", ["c.log.1.gz", "c.log.1"]) == ["c.log.1"]


def test_unfinished_and_foreign_files_are_not_read() -> None:
    names = ["0.log.20260102-150405.tmp", "0.log.01", "0.log.gz", "1.log.1.gz"]
    assert chain_order("0.log", names) == []
