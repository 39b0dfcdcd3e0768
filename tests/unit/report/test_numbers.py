"""Numbers as people read them."""

import pytest

from mpzswap.report import numbers


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.123, "0.12"),
        (9.999, "10.00"),
        (12.34, "12.3"),
        (7, "7"),
        (512.4, "512"),
        (12345.6, "12,346"),
    ],
)
def test_digits_are_as_many_as_tell_something(value: float, shown: str) -> None:
    """Three digits, or all of those before the point."""
    assert numbers.digits(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.50 KiB"),
        (64 << 20, "64 MiB"),
        (5 << 60, "5,120 PiB"),
    ],
)
def test_size_has_the_largest_unit_that_fits(value: int, shown: str) -> None:
    """A size has at most four digits, unless there is no larger unit."""
    assert numbers.size(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0:00"), (7.4, "0:07"), (62, "1:02"), (3723, "1:02:03")]
)
def test_clock_time_shows_hours_where_there_are_any(value: float, shown: str) -> None:
    """Time left reads as on a clock."""
    assert numbers.clock_time(value) == shown


def test_share_of_nothing_is_no_number() -> None:
    """Where no page went out none is stored in any way."""
    assert (numbers.percent(0, 0), numbers.ratio(0)) == ("-", "-")


def test_units_stand_with_the_numbers() -> None:
    """Each kind of number has its unit, or the column names it."""
    assert numbers.rate(3 << 20) == "3 MiB/s"
    assert numbers.mib_per_s(3 << 20) == "3"
    assert numbers.micros(1500) == "1.50"
    assert numbers.seconds(1.234) == "1.23 s"
    assert numbers.seconds(0.01234) == "12.3 ms"
    assert numbers.seconds(0) == "0 s"
    assert numbers.percent(1, 8) == "12.5 %"
    assert numbers.ratio(2.0611) == "2.06"
    assert numbers.count(65536) == "65,536"


def test_one_of_a_thing_is_no_plural() -> None:
    """None of it is."""
    assert [numbers.plural(n, "page") for n in (0, 1, 2)] == [
        "0 pages",
        "1 page",
        "2 pages",
    ]
