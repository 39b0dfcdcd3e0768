"""How long a waiter sleeps, and when it does not."""

import pytest

from mpzswap.completion.wait import (
    MAX_CROWD,
    MAX_OVERDUE_SPIN_NS,
    MAX_SLEEP_NS,
    OVERDUE_PART,
    OVERDUE_SLEEP_NS,
    Waiter,
)
from tests.tools.manual_clock import ManualClock

# A core for each process; and three processes on two.
ALONE, CROWD = 1.0, 1.5
# The last part of the usual limit.
LONGEST_NS = 1_000_000_000


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that stands still."""
    return ManualClock()


@pytest.mark.parametrize("left_ns", [10_000_000, 1, 0, -1, -MAX_OVERDUE_SPIN_NS + 1])
def test_waiter_spins_where_a_core_is_to_spare(
    clock: ManualClock, left_ns: int
) -> None:
    """However long it takes nothing is faster; the device may be on this very core."""
    Waiter(clock, LONGEST_NS).pause(clock.ns + left_ns, 0, ALONE)

    assert (clock.sleeps, clock.relaxed) == ([], 1)


def test_waiter_sleeps_at_last_though_a_core_is_to_spare(clock: ManualClock) -> None:
    """What is very late is late for long."""
    Waiter(clock, LONGEST_NS).pause(clock.ns - MAX_OVERDUE_SPIN_NS, 0, ALONE)

    assert len(clock.sleeps) == 1


@pytest.mark.parametrize("left_ns", [500_000, 1])
def test_waiter_sleeps_once_until_it_is_due(clock: ManualClock, left_ns: int) -> None:
    """However little is left: to spin would take the core from the device."""
    due_ns = clock.ns + left_ns
    Waiter(clock, LONGEST_NS).pause(due_ns, 0, CROWD)

    assert clock.sleeps == [left_ns]


def test_overdue_sleeps_grow_and_are_bounded(clock: ManualClock) -> None:
    """The first is short, in case it is done any moment; none is too long."""
    waiter, due_ns = Waiter(clock, LONGEST_NS), clock.ns
    for _ in range(40):
        waiter.pause(due_ns, 0, CROWD)

    assert clock.sleeps[0] == OVERDUE_SLEEP_NS * CROWD
    assert clock.sleeps == sorted(clock.sleeps)
    assert clock.sleeps[-1] == MAX_SLEEP_NS * CROWD


def test_overdue_sleep_is_a_part_of_the_work(clock: ManualClock) -> None:
    """Of a millisecond's work nobody misses the last answer for a tenth of it."""
    work_ns = 100 * OVERDUE_SLEEP_NS
    Waiter(clock, LONGEST_NS).pause(clock.ns, work_ns, CROWD)

    assert clock.sleeps == [work_ns // OVERDUE_PART * CROWD]


def test_nothing_known_of_the_end_is_a_bounded_sleep(clock: ManualClock) -> None:
    """A due time of 0 is long ago."""
    Waiter(clock, LONGEST_NS).pause(0, 0, CROWD)

    assert clock.sleeps == [MAX_SLEEP_NS * CROWD]


@pytest.mark.parametrize(
    ("crowd", "times"), [(0.1, 1), (1.0, 1), (40.0, 40), (1000.0, MAX_CROWD)]
)
def test_sleeps_of_a_crowd_are_longer(
    clock: ManualClock, crowd: float, times: float
) -> None:
    """Each has a core for so much less of the time; but there is a longest."""
    late_ns = 10 * MAX_OVERDUE_SPIN_NS
    for overdue_ns in (late_ns, 1000 * late_ns):
        Waiter(clock, LONGEST_NS).pause(clock.ns - overdue_ns, 0, crowd)

    assert clock.sleeps == [
        min(late_ns, MAX_SLEEP_NS * times),
        MAX_SLEEP_NS * times,
    ]


def test_overdue_sleep_is_as_long_again(clock: ManualClock) -> None:
    """So the looks at what is late for long are few."""
    Waiter(clock, LONGEST_NS).pause(clock.ns - 300_000, 0, CROWD)

    assert clock.sleeps == [300_000]


@pytest.mark.parametrize(
    ("longest_ns", "sleep_ns"), [(4_000_000, 4_000_000), (0, MAX_SLEEP_NS)]
)
def test_sleeps_of_a_crowd_are_short_beside_a_short_limit(
    clock: ManualClock, longest_ns: int, sleep_ns: int
) -> None:
    """But never shorter than where there is no crowd."""
    Waiter(clock, longest_ns).pause(0, 0, MAX_CROWD)

    assert clock.sleeps == [sleep_ns]
