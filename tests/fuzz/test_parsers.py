"""The fuzz targets hold for what hypothesis finds: so they are right when atheris runs them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.parsers import TARGETS
from tests.fuzz.seeds import seeds


def test_every_target_has_seeds_and_takes_them_whole_and_cut() -> None:
    assert seeds().keys() == TARGETS.keys()
    for name, inputs in seeds().items():
        for data in inputs:
            for end in {len(data), len(data) - 1, len(data) // 2}:
                TARGETS[name](data[:end])


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=500))
def test_any_bytes_are_taken(name: str, data: bytes) -> None:
    TARGETS[name](data)
