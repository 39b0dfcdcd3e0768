"""Submitters that take places and a device that takes entries, beside a counter."""

import random
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from mpzswap.ring.occupancy import Occupancy
from tests.tools.turns import Step, SteppedWords, Task, interleave

NR_ROUNDS = 6


class Counter:
    """What is in the queue; never more than its size, never less than nothing."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.held = 0

    def add(self, count: int) -> None:
        """Count entries that were submitted, or taken."""
        self.held += count
        assert 0 <= self.held <= self.size


def submitter(
    occupancy: Occupancy,
    shared: tuple[memoryview, memoryview],
    counter: Counter,
    choice: random.Random,
    ends: list[int],
) -> Task:
    """Give a task that takes places, a step a shared word; it tells how many."""

    def run(step: Step) -> None:
        words, taken = (cast("memoryview", SteppedWords(w, step)) for w in shared)
        occupancy._words, occupancy._taken = words, taken
        published = 0
        for _ in range(NR_ROUNDS):
            wanted = choice.randint(1, counter.size + 1)
            got = occupancy.try_take(wanted, published)
            assert 0 <= got <= wanted
            published += got
            counter.add(got)
        ends.append(published)
        occupancy._words, occupancy._taken = shared

    return run


def device(taken: memoryview, counter: Counter, choice: random.Random) -> Task:
    """Give a task that takes entries which are there, and says so."""

    def run(step: Step) -> None:
        for _ in range(4 * NR_ROUNDS):
            step()
            count = choice.randint(0, counter.held)
            counter.add(-count)
            step()
            taken[0] += count

    return run


@given(
    size=st.integers(1, 9), nr_submitters=st.integers(2, 4), seed=st.integers(0, 2**32)
)
@settings(max_examples=60, deadline=None)
def test_size_is_never_exceeded_and_no_place_is_lost(
    size: int, nr_submitters: int, seed: int
) -> None:
    """However looks and stores fall; in the end what was taken is free."""
    choice = random.Random(seed)
    words = memoryview(bytearray(8 * nr_submitters)).cast("Q")
    taken = memoryview(bytearray(8)).cast("Q")
    counter = Counter(size)
    views = [
        Occupancy(words, taken, mine, size, lambda: nr_submitters)
        for mine in range(nr_submitters)
    ]
    ends: list[list[int]] = [[] for _ in views]
    tasks = [
        submitter(view, (words, taken), counter, choice, end)
        for view, end in zip(views, ends, strict=True)
    ]
    interleave([*tasks, device(taken, counter, choice)], choice)

    assert sum(words) - taken[0] == counter.held
    taken[0] += counter.held
    for view, (published,) in zip(views, ends, strict=True):
        assert view.try_take(size, published) == size
        taken[0] += size
