"""
A work queue's size, however submitters' and the device's accesses fall.

Every interleaving is searched; see ``tools/interleavings.py``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import pytest

from mpzswap.ring.lane import Lane
from tests.tools.interleavings import (
    DEPTH,
    Counterexample,
    Found,
    Interleavings,
    State,
)
from tests.tools.queue_rig import QueueRig, Submitter
from tests.tools.stepped_actor import Actor
from tests.tools.stepped_memory import Kind

# A rig, the most that is taken at once, and half of the states that there were when
# this was written: a search that finds nothing to do proves nothing.
SHAPES = {
    "size 1": (QueueRig(1, (2, 2)), 1, 900),
    "size 2": (QueueRig(2, (2, 2)), 1, 3_500),
    "size 2, submitted in pairs": (QueueRig(2, (3, 3), most=2), 1, 10_000),
    "size 2, taken in pairs": (QueueRig(2, (3, 2), most=2), 2, 1_300),
    "size 2, slots in two parts": (QueueRig(2, (2, 2), parts=2), 1, 4_500),
    "3 submitters": (QueueRig(1, (2, 1, 1)), 1, 11_000),
}
LARGE_SHAPES = {
    "size 3 of 4 slots": (QueueRig(3, (3, 3), most=2), 2, 50_000),
    "3 submitters, size 2": (QueueRig(2, (2, 2, 1), most=2), 1, 160_000),
}


def search(rig: QueueRig, actors: Sequence[Actor], burst: int = 1) -> Found:
    """Search submitters and a device; nowhere may the queue be too long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mpzswap.device.arbiter.BURST", burst)
        return Interleavings(rig.memory, actors).search(rig.too_long)


def assert_kept(rig: QueueRig, found: Found, floor: int) -> None:
    """Nothing is wrong, and in the end no place is had."""
    assert found.counterexample is None, found.counterexample
    assert len(found.states) > floor
    assert found.deepest < DEPTH
    assert found.ends
    assert all(rig.length(end) == rig.places(end) == 0 for end in found.ends)


def counterexample(rig: QueueRig, actors: Sequence[Actor]) -> Counterexample:
    """Give what is found with actors that are broken."""
    found = search(rig, actors)
    assert found.counterexample is not None
    return found.counterexample


def submitters(rig: QueueRig, kind: type[Submitter] = Submitter) -> list[Submitter]:
    """Give the submitters of a rig."""
    return [rig.submitter(index, kind) for index in range(len(rig.wanted))]


@pytest.mark.parametrize("shape", SHAPES)
def test_size_is_never_exceeded_and_all_is_submitted(shape: str) -> None:
    """Descriptors arrive whole, once and in order; nobody tries for ever."""
    rig, burst, floor = SHAPES[shape]
    rig = replace(rig)

    assert_kept(rig, search(rig, [*submitters(rig), rig.device()], burst), floor)


@pytest.mark.slow
@pytest.mark.parametrize("shape", LARGE_SHAPES)
def test_size_is_never_exceeded_in_a_large_search(shape: str) -> None:
    """The same with more of everything."""
    rig, burst, floor = LARGE_SHAPES[shape]
    rig = replace(rig)

    assert_kept(rig, search(rig, [*submitters(rig), rig.device()], burst), floor)


# A place that is free is found


@dataclass
class Pausing(Submitter):
    """Stands still before each operation, where nothing of it is under way."""

    pause: Callable[[], object] = int

    def step(self) -> bool:
        """Stand still, then do it."""
        if self.left:
            self.pause()
        return super().step()


def stands_still(search: Interleavings, state: State, index: int) -> bool:
    """Tell whether an actor is between two operations, and all it stored is seen."""
    place = search.places(state)[index]
    pauses = place.access is None or place.access.kind is Kind.PAUSE
    return pauses and not place.buffer


def alone(search: Interleavings, state: State, index: int) -> Submitter:
    """Let one submitter do an operation while all others stand still."""
    (state, _), *_ = search.steps_of(index, state)
    while not stands_still(search, state, index):
        (state, _), *_ = search.steps_of(index, state)
    return cast("Submitter", search.actor(state, index))


def test_whoever_tries_alone_finds_every_place_that_is_free() -> None:
    """From each state where no other is in the middle of a try."""
    rig = QueueRig(2, (3, 2), most=2)
    actors = [
        replace(cast("Pausing", each), pause=rig.memory.pause)
        for each in submitters(rig, Pausing)
    ]
    search = Interleavings(rig.memory, [*actors, rig.device()])
    tries = 0
    for state in search.search(rig.too_long).states:
        if not all(stands_still(search, state, index) for index in range(2)):
            continue
        for index in range(2):
            before = cast("Submitter", search.actor(state, index))
            if before.left and not before.got:
                free = rig.size - rig.places(state)
                got = alone(search, state, index).got
                assert got == min(before.left, before.most, free)
                tries += 1

    assert tries > 90


# Places that are had and not used


@dataclass
class GivesBack(Submitter):
    """Takes places and gives them back; then tries in earnest."""

    gave_back: bool = False

    def submit(self) -> None:
        """Give back what was had the first time."""
        if self.gave_back:
            super().submit()
            return
        assert self.occupancy is not None
        self.occupancy.settle(self.lane.published)
        self.got, self.gave_back = 0, True


@dataclass
class Interrupted(Submitter):
    """Is interrupted between its first wish and its look; then tries again."""

    was_interrupted: bool = False

    def reserve(self) -> None:
        """Let the barrier be where the signal comes."""
        if self.was_interrupted:
            super().reserve()
            return
        assert self.occupancy is not None
        barrier = self.occupancy._full_barrier
        self.occupancy._full_barrier = interrupt
        with pytest.raises(KeyboardInterrupt):
            super().reserve()
        self.occupancy._full_barrier = barrier
        self.was_interrupted = True


@dataclass
class InterruptedForGood(Interrupted):
    """Is interrupted, and never tries again."""

    def step(self) -> bool:
        """Be at the end after that."""
        return not self.was_interrupted and super().step()


def interrupt() -> None:
    """Raise what a signal's handler raises."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("kind", [GivesBack, Interrupted])
def test_places_that_are_not_used_are_had_by_others(kind: type[Submitter]) -> None:
    """Whether they were given back, or a wish was interrupted and made again."""
    rig = QueueRig(2, (2, 2), most=2)
    actors: list[Actor] = [rig.submitter(0, kind), rig.submitter(1), rig.device()]

    assert_kept(rig, search(rig, actors), 600)


# The search can fail


def no_barrier() -> None:
    """Order nothing."""


def test_without_a_barrier_the_size_would_be_exceeded() -> None:
    """Each looks before the other's wish is in memory, and finds the place free."""
    rig = QueueRig(1, (1, 1))
    broken = submitters(rig)
    for each in broken:
        assert each.occupancy is not None
        each.occupancy._full_barrier = no_barrier
    found = counterexample(rig, [*broken, rig.device()])

    assert found.what == "2 in a queue of 1"
    assert "submitter 0: looks at submitted[1]: 0" in found.steps
    assert "submitter 1: looks at submitted[0]: 0" in found.steps


@pytest.mark.parametrize("index", [0, 1])
def test_barrier_of_one_submitter_is_not_enough(index: int) -> None:
    """The other one does not see its wish, nor is its wish seen."""
    rig = QueueRig(1, (1, 1))
    broken = submitters(rig)
    occupancy = broken[index].occupancy
    assert occupancy is not None
    occupancy._full_barrier = no_barrier

    assert counterexample(rig, [*broken, rig.device()]).what == "2 in a queue of 1"


class LooksLate:
    """The device's word, for an occupancy that looks at it after the sum."""

    def __init__(self, taken: memoryview) -> None:
        self._taken = taken

    def __getitem__(self, index: int) -> "LooksLate":
        """Put off the look until the count is used."""
        assert index == 0
        return self

    def __rsub__(self, total: int) -> int:
        """Look now."""
        return total - self._taken[0]


def looking_late(rig: QueueRig, kind: type[Submitter]) -> list[Submitter]:
    """Give submitters that look at the device's word last."""
    late = submitters(rig, kind)
    for each in late:
        assert each.occupancy is not None
        each.occupancy._taken = cast("memoryview", LooksLate(rig.taken))
    return late


def test_taken_that_is_looked_at_last_would_be_found() -> None:
    """What is taken meanwhile was not in the sum: the queue would seem too short."""
    rig = QueueRig(2, (2, 2))
    found = counterexample(rig, [*looking_late(rig, Submitter), rig.device()])

    assert found.what.endswith("AssertionError: a length that cannot be")


class BelievesAnyLength(Submitter):
    """Does not mind how long the queue seems."""

    def check_length(self, seen: int, size: int) -> None:
        """Believe it."""


def test_taken_that_is_looked_at_last_would_not_exceed_the_size() -> None:
    """What was submitted meanwhile made room for our whole wish."""
    rig = QueueRig(2, (2, 2))
    actors: list[Actor] = [*looking_late(rig, BelievesAnyLength), rig.device()]

    assert_kept(rig, search(rig, actors), 3_500)


class ReleasesLate(Lane):
    """Gives slots back when it looks for the next ones: after they were counted."""

    late = 0

    def release(self, count: int) -> None:
        """Put it off."""
        self.late = count

    def ready(self) -> int:
        """Do it now."""
        super().release(self.late)
        self.late = 0
        return super().ready()


def test_counting_before_releasing_would_be_found() -> None:
    """A place would be free whose slot is not."""
    rig = QueueRig(1, (2,))
    found = counterexample(rig, [*submitters(rig), rig.device(lane=ReleasesLate)])

    assert found.what == "submitter 0: ValueError: publish: 1, must be up to 0"


def test_wish_that_is_left_behind_would_be_found() -> None:
    """Its place would be lost for good: others try for ever."""
    rig = QueueRig(1, (1, 1))
    gone = rig.submitter(0, InterruptedForGood)
    device = rig.device()
    device.wanted[0] = 0
    found = counterexample(rig, [gone, rig.submitter(1), device])

    assert found.what == "from here no end can be reached"
