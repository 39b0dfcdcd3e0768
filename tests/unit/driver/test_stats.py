"""Counters of several submitters add up."""

from collections.abc import Iterable
from dataclasses import fields

from mpzswap.driver.stats import DriverStats, WqStats


def counted(numbers: Iterable[int], **reasons: int) -> DriverStats:
    """Give counters with *numbers* in their order, and *reasons*."""
    stats = DriverStats(reasons=reasons)
    names = (field.name for field in fields(DriverStats))
    # The reasons come last, so there is no number for them.
    for name, number in zip(names, numbers, strict=False):
        setattr(stats, name, number)
    return stats


def test_queue_counters_add_up() -> None:
    """All but the highest occupancy, which is the highest of both."""
    first, second = WqStats(1, 2, 3, 4, 5, 6, 70), WqStats(10, 20, 30, 40, 50, 60, 7)
    first.add(second)

    assert first == WqStats(11, 22, 33, 44, 55, 66, 70)


def test_driver_counters_add_up() -> None:
    """The reasons by their names."""
    first = counted(range(1, 10), queue_full=1, device_died=2)
    first.add(counted(range(10, 100, 10), queue_full=5, no_device=1))
    reasons = {"queue_full": 6, "device_died": 2, "no_device": 1}

    assert first == counted(range(11, 100, 11), **reasons)
