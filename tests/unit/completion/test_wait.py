"""How long a waiter sleeps, and when it does not."""

import pytest

from mpzswap.completion.wait import (
    MAX_OVERDUE_SPIN_NS,
    MAX_SLEEP_NS,
    OVERDUE_PART,
    OVERDUE_SLEEP_NS,
    Waiter,
)
from tests.tools.manual_clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that stands still."""
    return ManualClock()


@pytest.mark.parametrize("left_ns", [10_000_000, 1, 0, -1, -MAX_OVERDUE_SPIN_NS + 1])
def test_waiter_spins_where_a_core_is_to_spare(
    clock: ManualClock, left_ns: int
) -> None:
    """However long it takes: nothing is faster."""
    Waiter(clock).pause(clock.ns + left_ns, 0, core_to_spare=True)

    assert clock.sleeps == []


def test_waiter_sleeps_at_last_though_a_core_is_to_spare(clock: ManualClock) -> None:
    """What is very late is late for long."""
    Waiter(clock).pause(clock.ns - MAX_OVERDUE_SPIN_NS, 0, core_to_spare=True)

    assert len(clock.sleeps) == 1


@pytest.mark.parametrize("left_ns", [500_000, 1])
def test_waiter_sleeps_once_until_it_is_due(clock: ManualClock, left_ns: int) -> None:
    """However little is left: to spin would take the core from the device."""
    due_ns = clock.ns + left_ns
    Waiter(clock).pause(due_ns, 0, core_to_spare=False)

    assert clock.sleeps == [left_ns]


def test_overdue_sleeps_grow_and_are_bounded(clock: ManualClock) -> None:
    """The first is short, in case it is done any moment; none is too long."""
    waiter, due_ns = Waiter(clock), clock.ns
    for _ in range(40):
        waiter.pause(due_ns, 0, core_to_spare=False)

    assert clock.sleeps[0] == OVERDUE_SLEEP_NS
    assert clock.sleeps == sorted(clock.sleeps)
    assert clock.sleeps[-1] == MAX_SLEEP_NS


def test_overdue_sleep_is_a_part_of_the_work(clock: ManualClock) -> None:
    """Of a millisecond's work nobody misses the last answer for a tenth of it."""
    work_ns = 100 * OVERDUE_SLEEP_NS
    Waiter(clock).pause(clock.ns, work_ns, core_to_spare=False)

    assert clock.sleeps == [work_ns // OVERDUE_PART]


def test_nothing_known_of_the_end_is_a_bounded_sleep(clock: ManualClock) -> None:
    """A due time of 0 is long ago."""
    Waiter(clock).pause(0, 0, core_to_spare=False)

    assert clock.sleeps == [MAX_SLEEP_NS]
