from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.flat import FlatKeys, parse_flat
from agent.kernelfile import UnexpectedText

KEYS = st.text("abcdefgh_.", min_size=1, max_size=5)


def _text(pairs: dict[str, int]) -> str:
    return "".join(f"{key} {value}\n" for key, value in pairs.items())


@given(st.dictionaries(KEYS, st.integers()))
def test_every_pair_comes_back(pairs: dict[str, int]) -> None:
    assert parse_flat(_text(pairs)) == pairs


@pytest.mark.parametrize("text", ["populated\n", "populated \n", " 1\n", "a 1 2\n", "a b\n", "\n"])
def test_a_line_that_is_not_key_number_is_refused_and_quoted(text: str) -> None:
    for parse in (parse_flat, FlatKeys(["populated"]).pick):
        with pytest.raises(UnexpectedText) as caught:
            parse(text)
        assert caught.value.text == text.removesuffix("\n")


@given(st.lists(st.dictionaries(KEYS, st.integers()), max_size=8), st.lists(KEYS, max_size=4))
def test_picking_is_the_same_as_parsing_whatever_came_before(
    texts: list[dict[str, int]], keys: list[str]
) -> None:
    flat = FlatKeys(keys)
    for pairs in texts:
        assert flat.pick(_text(pairs)) == [pairs.get(key) for key in keys]


def test_a_key_that_moves_between_two_reads_is_found() -> None:
    flat = FlatKeys(["anon", "file"])
    assert flat.pick("anon 1\nfile 2\n") == [1, 2]
    assert flat.pick("file 3\nanon 4\n") == [4, 3]
    assert flat.pick("file 5\nfile2 6\n") == [None, 5]


def test_a_value_that_is_damaged_after_the_layout_is_known_is_refused() -> None:
    flat = FlatKeys(["anon"])
    assert flat.pick("anon 1\nfile 2\n") == [1]
    with pytest.raises(UnexpectedText):
        flat.pick("anon x\nfile 2\n")


def test_layouts_do_not_pile_up() -> None:
    flat = FlatKeys(["k1"])
    for size in range(1, 200):
        assert flat.pick(_text({f"k{n}": n for n in range(size)})) == [1 if size > 1 else None]
    assert len(flat._layouts) <= 32


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_flat, FlatKeys(["populated"]).pick):
        try:
            parse(text)
        except UnexpectedText:
            continue
