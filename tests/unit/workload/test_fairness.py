"""How evenly workers write, seen while all of them do."""

import pytest

from mpzswap.workload.fairness import Window, common_stretch, jain_index
from mpzswap.workload.worker import ALL_STRETCHES


@pytest.mark.parametrize(
    ("rates", "index"),
    [([5, 5, 5], 1.0), ([7, 0, 0, 0], 0.25), ([1, 2], 0.9), ([0, 0], 0.0), ([], 0.0)],
)
def test_index_is_jains(rates: list[int], index: float) -> None:
    """From one in n to one; none where nobody did anything."""
    assert jain_index(rates) == pytest.approx(index)


@pytest.mark.parametrize(
    ("stretches", "common"),
    [
        ([0, 0], 0),
        ([4, 4, 4], 4),
        # All of them check; one is at the bar already; all are done.
        ([1, 1], -1),
        ([0, 1], -1),
        ([ALL_STRETCHES] * 2, -1),
    ],
)
def test_stretch_of_writing_is_that_of_all(stretches: list[int], common: int) -> None:
    """Workers write and check in turn."""
    assert common_stretch(stretches) == common


def test_each_stretch_is_one_of_writing_where_nothing_is_checked() -> None:
    """Then they write again and again."""
    assert common_stretch([1, 1], verifies=False) == 1
    assert common_stretch([0, 1], verifies=False) == -1


def test_tail_in_which_one_is_done_is_not_counted() -> None:
    """There the slower ones have the machine for themselves."""
    window = Window()
    window.look(1.0, [0, 0], [16, 16])
    window.look(2.0, [0, 0], [48, 32])
    window.look(3.0, [1, 0], [64, 64])

    assert (window.pages, window.elapsed_s) == ([32, 16], 1.0)


def test_begin_in_which_one_has_not_begun_is_not_counted() -> None:
    """Workers are told to begin one after the other."""
    window = Window()
    window.look(1.0, [0, 0], [16, 0])
    window.look(2.0, [0, 0], [48, 16])
    window.look(3.0, [0, 0], [50, 20])

    assert (window.pages, window.elapsed_s) == ([2, 4], 1.0)


def test_stretches_are_added_up() -> None:
    """What was checked in between is not."""
    window = Window()
    window.look(1.0, [0], [16])
    window.look(2.0, [0], [32])
    window.look(3.0, [1], [64])
    window.look(4.0, [2], [64])
    window.look(5.0, [2], [70])

    assert (window.pages, window.elapsed_s) == ([22], 2.0)
