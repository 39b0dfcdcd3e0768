"""
A lane, however its producer's and its consumer's accesses fall.

Every interleaving is searched; see ``tools/interleavings.py``.
"""

from dataclasses import replace

import pytest

from mpzswap.ring.lane import Lane
from tests.tools.interleavings import DEPTH, Counterexample, Interleavings
from tests.tools.queue_rig import QueueRig, Submitter
from tests.tools.stepped_actor import Actor

# A rig, the most that is taken at once, and half of the states that there were when
# this was written: a search that finds nothing to do proves nothing.
SHAPES = {
    "1 slot": (QueueRig(1, (4,)), 1, 40),
    "2 slots, one by one": (QueueRig(2, (5,)), 1, 180),
    "2 slots, published in pairs": (QueueRig(2, (5,), most=2), 1, 170),
    "2 slots, taken in pairs": (QueueRig(2, (5,)), 2, 250),
    "4 slots": (QueueRig(4, (7,), most=3), 2, 850),
    "2 lanes of 1 slot": (QueueRig(1, (2, 2)), 1, 1_100),
    "2 lanes of 2 slots": (QueueRig(2, (3, 2), most=2), 2, 800),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_descriptors_arrive_whole_once_and_in_order(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in two parts, and around the ring; nobody waits for ever."""
    rig, burst, floor = SHAPES[shape]
    monkeypatch.setattr("mpzswap.device.arbiter.BURST", burst)
    rig = replace(rig, parts=2)
    producers = [rig.producer(index) for index in range(len(rig.wanted))]
    found = Interleavings(rig.memory, [*producers, rig.device()]).search()

    assert found.counterexample is None, found.counterexample
    assert len(found.states) > floor
    assert found.deepest < DEPTH
    assert found.ends
    assert all(rig.length(end) == 0 for end in found.ends)


# The search can fail


class PublishesFirst(Submitter):
    """Publishes slots, then fills them."""

    def submit(self) -> None:
        """Do both in the wrong order."""
        count, self.got = self.got, 0
        self.lane.publish(count)
        self.lane._tail -= count
        self.got = count
        self.fill()
        self.lane._tail += count
        self.left -= count
        self.got = 0


class ReleasesFirst(Lane):
    """Gives slots back, then copies what is in them."""

    def peek(self, count: int) -> bytes:
        """Do both in the wrong order; the release that follows changes nothing."""
        self._words[0] = self._head + count
        return super().peek(count)


class HasOneMore(Lane):
    """Believes in a slot that is not there."""

    def space_left(self) -> int:
        """Give one more than there is."""
        return super().space_left() + 1


def counterexample(
    rig: QueueRig,
    submitter: type[Submitter] = Submitter,
    producer: type[Lane] = Lane,
    consumer: type[Lane] = Lane,
) -> Counterexample:
    """Give what is found with a part that is broken."""
    actors: list[Actor] = [
        rig.producer(0, submitter, producer),
        rig.device(lane=consumer),
    ]
    found = Interleavings(rig.memory, actors).search()
    assert found.counterexample is not None
    return found.counterexample


def test_publishing_before_filling_would_be_found() -> None:
    """The device would take what was in the slot before."""
    found = counterexample(QueueRig(1, (1,)), submitter=PublishesFirst)

    assert found.what == "device: AssertionError: lane 0: 0000 0000, not 0001 0001"
    assert found.steps == [
        "submitter 0: looks at lane 0.head: 0",
        "submitter 0: looks at lane 0.head: 0",
        "submitter 0: stores lane 0.tail: 1",
        "submitter 0: stores lane 0.slot[0].0: 0001",
        "    drained, submitter 0: stores lane 0.tail: 1",
        "device: looks at lane 0.tail: 1",
        "device: looks at lane 0.slot[0].0: 0000",
        "device: stores lane 0.head: 1",
        "device: stores taken[0]: 1",
    ]


def test_half_a_descriptor_would_be_found() -> None:
    """Where one half was in the slot, and the other was not."""
    found = counterexample(QueueRig(1, (1,), parts=2), submitter=PublishesFirst)

    assert "drained, submitter 0: stores lane 0.tail: 1" in str(found)


def test_releasing_before_copying_would_be_found() -> None:
    """The producer would fill the slot again under the device's hands."""
    found = counterexample(QueueRig(1, (2,)), consumer=ReleasesFirst)
    released = found.steps.index("    drained, device: stores lane 0.head: 1")

    assert found.what == "device: AssertionError: lane 0: 0002 0002, not 0001 0001"
    assert "device: looks at lane 0.slot[0].0: 0002" in found.steps[released:]


def test_overfilling_would_be_found() -> None:
    """A descriptor would be overwritten that was not taken."""
    found = counterexample(QueueRig(1, (2,)), producer=HasOneMore)

    assert found.what == "device: AssertionError: lane 0: 0002 0002, not 0001 0001"
