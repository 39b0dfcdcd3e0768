"""A work queue has its size, whoever takes the places."""

import pytest

from mpzswap.ring.occupancy import Occupancy

SIZE = 8


@pytest.fixture
def words() -> memoryview:
    """Give the words of four submitters."""
    return memoryview(bytearray(4 * 8)).cast("Q")


@pytest.fixture
def taken() -> memoryview:
    """Give the device's word."""
    return memoryview(bytearray(8)).cast("Q")


class View(Occupancy):
    """One that publishes all that it has taken, as a lane would count it."""

    published = 0

    def take(self, wanted: int) -> int:
        """Take places and use them."""
        got = self.try_take(wanted, self.published)
        self.published += got
        return got


def view(
    words: memoryview, taken: memoryview, mine: int = 0, submitters: int = 4
) -> "View":
    """Give one submitter's view of a queue of eight places."""
    return View(words, taken, mine, SIZE, lambda: submitters)


Words = memoryview


def test_free_places_are_had(words: Words, taken: Words) -> None:
    """As many as were wanted, and they are in our word alone."""
    assert view(words, taken, mine=1).take(3) == 3
    assert words.tolist() == [0, 3, 0, 0]


def test_some_are_had_where_not_all_are_free(words: Words, taken: Words) -> None:
    """What is over is withdrawn."""
    occupancy = view(words, taken)
    occupancy.take(5)

    assert occupancy.take(5) == 3
    assert words[0] == SIZE


def test_full_queue_gives_none(words: Words, taken: Words) -> None:
    """The wish is withdrawn whole."""
    occupancy = view(words, taken)
    occupancy.take(SIZE)

    assert occupancy.take(1) == 0
    assert words[0] == SIZE


def test_places_of_others_count(words: Words, taken: Words) -> None:
    """Two views of the same words share one size."""
    first, second = view(words, taken, 0), view(words, taken, 1)
    first.take(6)

    assert second.take(6) == 2
    assert first.take(1) == 0
    assert words.tolist() == [6, 2, 0, 0]


def test_places_are_free_when_the_device_has_taken(words: Words, taken: Words) -> None:
    """Whoever submitted need not even look at the answers."""
    first, second = view(words, taken, 0), view(words, taken, 1)
    first.take(SIZE)
    taken[0] = 5

    assert second.take(SIZE) == 5
    assert words.tolist() == [SIZE, 5, 0, 0]


def test_wish_of_another_costs_this_try_alone(words: Words, taken: Words) -> None:
    """It is withdrawn by its owner; ours is by us."""
    occupancy = view(words, taken)
    occupancy.take(2)
    words[1] = 100

    assert occupancy.take(4) == 0
    assert words[0] == 2


def test_only_submitters_in_use_are_looked_at(words: Words, taken: Words) -> None:
    """The words behind them are not read."""
    words[3] = SIZE

    assert view(words, taken, submitters=3).take(SIZE) == SIZE
    assert view(words, taken, submitters=4).take(SIZE) == 0


def test_new_view_goes_on_from_its_word(words: Words, taken: Words) -> None:
    """What a column's last owner submitted is in ``taken`` as well."""
    words[2] = taken[0] = 5

    assert view(words, taken, mine=2).take(SIZE) == SIZE
    assert words[2] == 5 + SIZE


def test_looks_are_remembered(words: Words, taken: Words) -> None:
    """How long the queue was, ours included, and how long at most."""
    words[1] = 4
    occupancy = view(words, taken)
    occupancy.take(3)
    assert (occupancy.seen, occupancy.highest) == (7, 7)
    taken[0] = 7
    occupancy.take(1)

    assert (occupancy.seen, occupancy.highest) == (1, 7)


def test_a_wish_too_large_does_not_show_as_length(words: Words, taken: Words) -> None:
    """The queue was never longer than its size."""
    occupancy = view(words, taken)
    occupancy.take(100)

    assert (occupancy.seen, occupancy.highest) == (SIZE, SIZE)


def test_wish_that_was_interrupted_is_forgotten(words: Words, taken: Words) -> None:
    """What counts is what was published."""
    occupancy = view(words, taken)
    occupancy.take(2)
    words[0] += 100

    assert occupancy.take(3) == 3
    assert words[0] == 5


def test_places_that_are_not_used_are_given_back(words: Words, taken: Words) -> None:
    """Others need not wait for our next try."""
    occupancy = view(words, taken)
    occupancy.take(2)
    occupancy.try_take(4, 2)
    occupancy.settle(2)

    assert words[0] == 2
