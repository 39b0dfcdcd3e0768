"""Sums of stages over pages."""

import msgspec

from mpzswap.acomp.stages import Stage, StageSums


def test_pages_and_stages_are_added_up() -> None:
    """Each stage by itself."""
    sums = StageSums()
    sums.add(2, range(len(Stage)))
    sums.add(3, [10] * len(Stage))

    assert sums.pages == 5
    assert sums.ns == [10 + stage for stage in Stage]


def test_sum_of_two_workers_leaves_both_as_they_were() -> None:
    """They are added to others afterwards."""
    one, other = StageSums(), StageSums()
    one.add(1, [1] * len(Stage))
    other.add(2, [5] * len(Stage))
    both = one + other
    both.add(1, [1] * len(Stage))

    assert (one.pages, one.ns) == (1, [1] * len(Stage))
    assert (other.pages, other.ns) == (2, [5] * len(Stage))
    assert (both.pages, both.ns[0]) == (4, 7)


def test_sums_travel_as_json() -> None:
    """From a worker to its parent."""
    sums = StageSums()
    sums.add(1, [3] * len(Stage))

    assert msgspec.json.decode(msgspec.json.encode(sums), type=StageSums) == sums
