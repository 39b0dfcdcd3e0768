"""The types of arguments."""

import argparse
import re

import pytest

from mpzswap.cli.parser import (
    between,
    listed,
    on_off,
    one_of,
    seconds,
    size,
    sizes,
    whole,
)


def test_size_takes_units() -> None:
    """Powers of 1024, as the contract has it."""
    assert size("64K") == 65536


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "5", "9" * 5000, "²", "1_0"])
def test_whole_number_out_of_its_range_is_refused_with_the_range(text: str) -> None:
    """The line has the value, cut if it is long, and both limits."""
    with pytest.raises(
        argparse.ArgumentTypeError, match=r"must be a whole number from 1 to 4$"
    ) as raised:
        whole(1, 4)(text)

    assert len(str(raised.value)) < 100


def test_whole_number_in_its_range_is_taken() -> None:
    """Both limits are in it."""
    assert [whole(1, 4)(text) for text in "14"] == [1, 4]


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "11", "x"])
def test_seconds_out_of_their_range_are_refused(text: str) -> None:
    """A run of no time, or without an end, is nobody's wish."""
    with pytest.raises(argparse.ArgumentTypeError, match="above 0 and at most 10"):
        seconds(10)(text)


@pytest.mark.parametrize("text", ["0", "0.999", "-1", "nan", "inf", "10.1", "x"])
def test_numbers_out_of_their_range_are_refused(text: str) -> None:
    """With the range."""
    with pytest.raises(
        argparse.ArgumentTypeError, match="must be a number from 1 to 10"
    ):
        between(1, 10)(text)


def test_seconds_may_have_a_fraction() -> None:
    """A short run for a test."""
    assert seconds(10)("0.5") == 0.5


def test_list_has_each_value_once() -> None:
    """A sweep does no point twice, and keeps the order."""
    assert listed(whole(1, 99))("8,1,8,64") == (8, 1, 64)


@pytest.mark.parametrize("text", ["", "1,,2", "1,x", ","])
def test_bad_value_of_a_list_is_named(text: str) -> None:
    """The message is that of the value."""
    with pytest.raises(argparse.ArgumentTypeError, match="whole number"):
        listed(whole(1, 9))(text)


def test_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    """So that nobody has to ask for help."""
    with pytest.raises(
        argparse.ArgumentTypeError, match=re.escape("'c': must be one of a, b")
    ):
        one_of("a", "b")("c")


def test_sizes_may_be_the_same() -> None:
    """Two swap areas of one size are two."""
    assert sizes("16M,4K,16M") == (16 << 20, 4096, 16 << 20)


def test_switch_is_on_or_off() -> None:
    """Nothing else: 1 and yes may mean another thing elsewhere."""
    assert (on_off("on"), on_off("off")) == (True, False)
    with pytest.raises(argparse.ArgumentTypeError, match="'1': must be one of on, off"):
        on_off("1")


def test_bad_size_is_told_as_a_bad_argument() -> None:
    """Argparse would hide the message of any other error."""
    with pytest.raises(argparse.ArgumentTypeError, match="'5Q': must be a number"):
        size("5Q")
