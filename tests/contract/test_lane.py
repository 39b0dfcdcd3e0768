"""A lane carries descriptors in order, whatever memory it lies in."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pytest

from mpzswap.ring.lane import TAIL_WORD, Lane, lane_bytes
from mpzswap.ring.memory import Segment

CAPACITY = 4


@dataclass
class Ends:
    """Both ends of a lane; each has its own object, perhaps its own mapping."""

    submitter: memoryview
    device: memoryview

    def __post_init__(self) -> None:
        """Open both ends."""
        self.producer = Lane(self.submitter, CAPACITY)
        self.consumer = Lane(self.device, CAPACITY)

    def publish(self, *numbers: int) -> None:
        """Publish a descriptor of each number, all at once."""
        for ahead, number in enumerate(numbers):
            at = self.producer.slot(ahead)
            self.producer.slots[at : at + 64] = descriptor(number)
        self.producer.publish(len(numbers))

    def take(self, count: int) -> bytes:
        """Peek and release."""
        taken = self.consumer.peek(count)
        self.consumer.release(count)
        return taken


def descriptor(*numbers: int) -> bytes:
    """Give 64 equal bytes for each number."""
    return b"".join(bytes([number]) * 64 for number in numbers)


def plain_memory(stack: ExitStack) -> Ends:
    """Both ends over one bytearray."""
    del stack
    memory = memoryview(bytearray(lane_bytes(CAPACITY)))
    return Ends(memory, memory)


def shared_memory(stack: ExitStack) -> Ends:
    """Each end over a mapping of its own of one segment, not at its beginning."""
    ours = Segment.create(1, 4096)
    theirs = Segment.map(1, os.dup(ours.fd))
    stack.callback(ours.close)
    stack.callback(theirs.close)
    part = slice(256, 256 + lane_bytes(CAPACITY))
    return Ends(ours.memory[part], theirs.memory[part])


@pytest.fixture(params=[plain_memory, shared_memory])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    """Give the ends of an empty lane, over each memory."""
    with ExitStack() as stack:
        yield request.param(stack)


def test_new_lane_is_empty(ends: Ends) -> None:
    """Zeroed memory is a lane with nothing in it."""
    assert ends.producer.space_left() == CAPACITY
    assert ends.consumer.ready() == 0


def test_descriptors_arrive_in_order(ends: Ends) -> None:
    """First in, first out, across publications."""
    ends.publish(1, 2)
    ends.publish(3)

    assert ends.consumer.ready() == 3
    assert ends.consumer.peek(3) == descriptor(1, 2, 3)


def test_filled_slot_is_not_seen_before_publication(ends: Ends) -> None:
    """Filling does nothing else."""
    ends.producer.slots[:64] = descriptor(1)

    assert ends.consumer.ready() == 0


def test_space_left_counts_down_to_a_full_lane(ends: Ends) -> None:
    """Every slot can be used: full is not mistaken for empty."""
    left = []
    for number in range(CAPACITY):
        ends.publish(number)
        left.append(ends.producer.space_left())

    assert left == [3, 2, 1, 0]
    assert ends.consumer.ready() == CAPACITY
    assert ends.consumer.peek(CAPACITY) == descriptor(0, 1, 2, 3)


def test_publish_more_than_space_left_is_refused(ends: Ends) -> None:
    """Nothing is published then, and nothing is overwritten."""
    ends.publish(1, 2, 3)

    with pytest.raises(ValueError, match="publish: 2, must be up to 1"):
        ends.producer.publish(2)
    assert ends.consumer.ready() == 3


def test_peek_does_not_release(ends: Ends) -> None:
    """What was only looked at is still there."""
    ends.publish(1, 2)
    ends.consumer.peek(2)

    assert ends.consumer.ready() == 2
    assert ends.producer.space_left() == 2
    assert ends.consumer.peek(1) == descriptor(1)


def test_peek_gives_a_copy(ends: Ends) -> None:
    """A submitter that writes into a slot later changes nothing that was taken."""
    ends.publish(1)
    taken = ends.consumer.peek(1)
    ends.producer.slots[:64] = descriptor(9)

    assert type(taken) is bytes
    assert taken == descriptor(1)


def test_release_gives_slots_back(ends: Ends) -> None:
    """The producer has their space again; the rest stays ready."""
    ends.publish(1, 2, 3, 4)
    ends.consumer.release(3)

    assert ends.producer.space_left() == 3
    assert ends.consumer.ready() == 1
    assert ends.consumer.peek(1) == descriptor(4)


def test_slot_runs_around_the_ring(ends: Ends) -> None:
    """After the last slot comes the first."""
    ends.publish(1, 2, 3)
    ends.take(3)

    assert [ends.producer.slot(ahead) // 64 for ahead in range(4)] == [3, 0, 1, 2]


def test_rows_run_around_the_ring(ends: Ends) -> None:
    """What is put into rows is what the slots of the same places have."""
    ends.publish(1, 2, 3)
    ends.take(3)
    stretches = [(first, len(rows)) for first, rows in ends.producer.rows(3)]
    for first, rows in ends.producer.rows(3):
        rows[:] = np.arange(first, first + len(rows), dtype="<u8")[:, None]
    ends.producer.publish(3)

    assert stretches == [(0, 1), (1, 2)]
    assert ends.take(3) == b"".join(bytes([i, *bytes(7)]) * 8 for i in range(3))


@pytest.mark.parametrize("before", range(9))
def test_full_lane_wraps_around(ends: Ends, before: int) -> None:
    """Wherever in the ring it begins, what goes in comes out."""
    for number in range(before):
        ends.publish(number)
        ends.take(1)
    ends.publish(11, 12, 13, 14)

    assert ends.take(CAPACITY) == descriptor(11, 12, 13, 14)
    assert ends.consumer.ready() == 0


def test_nothing_taken_is_no_bytes(ends: Ends) -> None:
    """A count of 0 is no special case."""
    ends.producer.publish(0)

    assert ends.take(0) == b""
    assert ends.consumer.ready() == 0


def test_new_end_goes_on_where_the_last_was(ends: Ends) -> None:
    """Indices live in the memory; an object made later takes them up."""
    ends.publish(1, 2, 3)
    ends.take(1)
    producer, consumer = Lane(ends.submitter, CAPACITY), Lane(ends.device, CAPACITY)

    assert (producer.space_left(), consumer.ready()) == (2, 2)
    assert consumer.peek(2) == descriptor(2, 3)
    assert producer.slot() == ends.producer.slot()


def test_indices_only_grow(ends: Ends) -> None:
    """Head is in the first cache line, tail in the second; neither wraps."""
    for number in range(10):
        ends.publish(number)
        ends.take(1)
    ends.publish(10)
    words = ends.device[:128].cast("Q")

    assert (words[0], words[TAIL_WORD]) == (10, 11)
    assert TAIL_WORD * 8 == 64


def test_impossible_tail_shows_as_more_than_capacity(ends: Ends) -> None:
    """The consumer can see that its producer breaks the rules."""
    ends.submitter[:128].cast("Q")[TAIL_WORD] = CAPACITY + 1

    assert ends.consumer.ready() > CAPACITY
