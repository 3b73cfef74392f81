from __future__ import annotations

import pytest

from agent.container.command_line import option_value, option_values


@pytest.mark.parametrize(
    ("argv", "values"),
    [
        (["conmon", "-l", "k8s-file:/log", "-n", "web"], ["k8s-file:/log"]),
        (["conmon", "--log-path=/log", "-l", "journald:"], ["/log", "journald:"]),
        (["conmon", "--log-path=a=b"], ["a=b"]),
        (["conmon", "--log-path-more=/log", "log"], []),
        (["conmon", "-l"], []),
    ],
)
def test_values_of_an_option_by_any_of_its_names(argv: list[str], values: list[str]) -> None:
    assert option_values(argv, "-l", "--log-path") == values
    assert option_value(argv, "-l", "--log-path") == (values[0] if values else "")
