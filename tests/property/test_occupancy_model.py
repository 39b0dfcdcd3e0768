"""Submitters that take and give places at once, beside a plain counter."""

import random
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from mpzswap.ring.occupancy import Occupancy
from tests.tools.turns import Step, SteppedWords, Task, interleave

NR_ROUNDS = 6


class Counter:
    """How many places all hold together; never more than there are."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.held = 0

    def add(self, count: int) -> None:
        """Count places that were had, or given back."""
        self.held += count
        assert 0 <= self.held <= self.size


def submitter(
    occupancy: Occupancy, words: memoryview, counter: Counter, choice: random.Random
) -> Task:
    """Give a task that takes and gives back, with a step at each shared word."""

    def run(step: Step) -> None:
        occupancy._words = cast("memoryview", SteppedWords(words, step))
        for _ in range(NR_ROUNDS):
            wanted = choice.randint(1, counter.size + 1)
            got = occupancy.try_take(wanted)
            assert 0 <= got <= wanted
            counter.add(got)
            back = choice.randint(0, occupancy.outstanding)
            counter.add(-back)
            occupancy.give_back(back)
        counter.add(-occupancy.outstanding)
        occupancy.give_back(occupancy.outstanding)
        occupancy._words = words

    return run


@given(
    size=st.integers(1, 9), nr_submitters=st.integers(2, 4), seed=st.integers(0, 2**32)
)
@settings(max_examples=60, deadline=None)
def test_places_are_never_exceeded_and_never_lost(
    size: int, nr_submitters: int, seed: int
) -> None:
    """However looks and stores fall, the sum keeps the size; in the end all is free."""
    choice = random.Random(seed)
    words = memoryview(bytearray(8 * nr_submitters)).cast("Q")
    counter = Counter(size)
    views = [
        Occupancy(words, mine, size, lambda: nr_submitters)
        for mine in range(nr_submitters)
    ]
    interleave([submitter(view, words, counter, choice) for view in views], choice)

    assert counter.held == sum(words) == 0
    for view in views:
        assert view.try_take(size) == size
        view.give_back(size)
