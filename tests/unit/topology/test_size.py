"""Sizes: what is read, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.errors import InputError
from mpzswap.topology.size import MAX_SIZE_BYTES, format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("4096", 4096), ("64K", 65536), ("2M", 2 << 20), ("503G", 503 << 30)],
)
def test_units_are_powers_of_1024(text: str, size: int) -> None:
    """K, M, G and T multiply by powers of 1024; a bare number is bytes."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "K", "-1", "1.5G", "1k", "1KiB", " 1", "1\n", "²"]
)
def test_what_is_no_size_is_refused_by_name(text: str) -> None:
    """A size that is none is named in the message."""
    with pytest.raises(InputError, match="must be a number of bytes") as caught:
        parse_size(text)

    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", [str(MAX_SIZE_BYTES + 1), "9999999999G", "9" * 5000])
def test_size_that_no_integer_holds_is_refused(text: str) -> None:
    """JSON reports have 64-bit integers; a longer number is refused in one line."""
    with pytest.raises(InputError, match=f"at most {MAX_SIZE_BYTES} bytes"):
        parse_size(text)


@given(st.integers(0, MAX_SIZE_BYTES))
def test_format_and_parse_are_each_others_inverse(size: int) -> None:
    """What is shown as a size can be given as one."""
    assert parse_size(format_size(size)) == size
