"""The swap entry: a type and an offset in one number."""

from hypothesis import given
from hypothesis import strategies as st

from mpzswap.zswap.swap_entry import (
    MAX_SWAPFILES,
    SWP_OFFSET_MASK,
    swp_entry,
    swp_name,
    swp_offset,
    swp_type,
)


@given(st.integers(0, MAX_SWAPFILES - 1), st.integers(0, SWP_OFFSET_MASK))
def test_entry_gives_back_what_it_was_made_of(type_: int, offset: int) -> None:
    """The two do not touch each other, and all fits into 63 bits."""
    entry = swp_entry(type_, offset)

    assert (swp_type(entry), swp_offset(entry)) == (type_, offset)
    assert 0 <= entry < 1 << 63


def test_entry_of_the_first_area_is_the_offset() -> None:
    """Who has one area need not know of types."""
    assert swp_entry(0, 77) == 77
    assert swp_entry(3, 77) == 3 << 58 | 77


def test_entry_is_named_by_offset_and_area() -> None:
    """Nobody can read the number."""
    assert swp_name(77) == "swap offset 77"
    assert swp_name(swp_entry(3, 77)) == "swap offset 77 of area 3"
