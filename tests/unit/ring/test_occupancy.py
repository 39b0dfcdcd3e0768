"""A work queue has its size, whoever takes the places."""

import pytest

from mpzswap.ring.occupancy import Occupancy

SIZE = 8


@pytest.fixture
def words() -> memoryview:
    """Give the words of four submitters."""
    return memoryview(bytearray(4 * 8)).cast("Q")


def view(words: memoryview, mine: int = 0, submitters: int = 4) -> Occupancy:
    """Give one submitter's view of a queue of eight places."""
    return Occupancy(words, mine, SIZE, lambda: submitters)


def test_free_places_are_had(words: memoryview) -> None:
    """As many as were wanted, and they are in our word alone."""
    occupancy = view(words, mine=1)

    assert occupancy.try_take(3) == 3
    assert occupancy.outstanding == 3
    assert words.tolist() == [0, 3, 0, 0]


def test_some_are_had_where_not_all_are_free(words: memoryview) -> None:
    """What is over is withdrawn."""
    occupancy = view(words)
    occupancy.try_take(5)

    assert occupancy.try_take(5) == 3
    assert words[0] == occupancy.outstanding == SIZE


def test_full_queue_gives_none(words: memoryview) -> None:
    """The wish is withdrawn whole."""
    occupancy = view(words)
    occupancy.try_take(SIZE)

    assert occupancy.try_take(1) == 0
    assert words[0] == occupancy.outstanding == SIZE


def test_places_of_others_count(words: memoryview) -> None:
    """Two views of the same words share one size."""
    first, second = view(words, 0), view(words, 1)
    first.try_take(6)

    assert second.try_take(6) == 2
    assert first.try_take(1) == 0
    assert words.tolist() == [6, 2, 0, 0]


def test_places_given_back_can_be_had_by_another(words: memoryview) -> None:
    """Giving back lowers our own word."""
    first, second = view(words, 0), view(words, 1)
    first.try_take(SIZE)
    first.give_back(5)

    assert first.outstanding == 3
    assert second.try_take(SIZE) == 5


def test_wish_that_exceeds_all_is_withdrawn_to_what_is_held(words: memoryview) -> None:
    """Another's wish, not yet withdrawn, costs us this try and nothing more."""
    occupancy = view(words)
    occupancy.try_take(2)
    words[1] = 100

    assert occupancy.try_take(4) == 0
    assert words[0] == occupancy.outstanding == 2


def test_only_submitters_in_use_are_looked_at(words: memoryview) -> None:
    """The words behind them are not read."""
    words[3] = SIZE

    assert view(words, submitters=3).try_take(SIZE) == SIZE
    assert view(words, submitters=4).try_take(SIZE) == 0


def test_new_view_begins_with_none(words: memoryview) -> None:
    """A column that another submitter left is ours from zero."""
    words[2] = 5
    view(words, mine=2)

    assert words[2] == 0


def test_looks_are_remembered(words: memoryview) -> None:
    """How long the queue was, ours included, and how long at most."""
    words[1] = 4
    occupancy = view(words)
    occupancy.try_take(3)
    assert (occupancy.seen, occupancy.highest) == (7, 7)
    occupancy.give_back(3)
    words[1] = 0
    occupancy.try_take(1)

    assert (occupancy.seen, occupancy.highest) == (1, 7)


def test_a_wish_too_large_does_not_show_as_length(words: memoryview) -> None:
    """The queue was never longer than its size."""
    occupancy = view(words)
    occupancy.try_take(100)

    assert (occupancy.seen, occupancy.highest) == (SIZE, SIZE)
