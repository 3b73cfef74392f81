"""agent/logs/faults.py"""

from __future__ import annotations

from agent.logs.faults import REPEAT_AFTER, FaultLog


class Rig:
    def __init__(self) -> None:
        self.now = 0.0
        self.said: list[str] = []
        self.log = FaultLog(self.said.append, lambda: self.now, lambda: 1795490176.0)

    def report(self, key: str = "k") -> None:
        self.log.report("warning", key, "It broke.", path="/a b", number=3)


def test_a_fault_is_a_sentence_with_fields() -> None:
    rig = Rig()
    rig.report()
    assert rig.said == ["2026-11-24T03:16:16Z warning It broke. path='/a b' number=3\n"]


def test_of_several_workers_each_says_whose_it_is() -> None:
    said: list[str] = []
    log = FaultLog(said.append, lambda: 0.0, lambda: 1795490176.0, "loki http://a")
    log.report("warning", "k", "It broke.", number=3)
    assert said == ["2026-11-24T03:16:16Z warning It broke. destination='loki http://a' number=3\n"]


def test_the_same_fault_again_is_counted_and_said_once_a_minute() -> None:
    rig = Rig()
    for _ in range(5):
        rig.report()
    rig.report("another")
    assert len(rig.said) == 2
    assert rig.log.count == 6
    rig.now = REPEAT_AFTER
    rig.report()
    assert rig.said[2].endswith("number=3 again=4\n")


def test_the_end_of_a_fault_is_said_only_if_it_was() -> None:
    rig = Rig()
    rig.log.over("k", "It works.")
    assert rig.said == []
    rig.report()
    rig.report()
    rig.log.over("k", "It works.")
    assert rig.said[1] == "2026-11-24T03:16:16Z info It works. times=2\n"
    rig.report()
    assert len(rig.said) == 3, "a new fault is said at once"


def test_a_newline_in_a_name_cannot_forge_a_line() -> None:
    rig = Rig()
    rig.log.report("error", "k", "It broke.", path="a\n2026 error Forged.")
    assert rig.said[0].count("\n") == 1


def test_faults_of_ever_new_kinds_take_bounded_memory() -> None:
    rig = Rig()
    for number in range(3000):
        rig.report(str(number))
    assert len(rig.log._seen) == 1000
