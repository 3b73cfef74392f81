"""The fuzz targets hold for what hypothesis finds: so they are right when atheris runs them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.parsers import TARGETS


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=500))
def test_any_bytes_are_taken(name: str, data: bytes) -> None:
    TARGETS[name](data)
