"""
A lane: a ring of descriptors from one submitter to one work queue.

    | head | tail | slot 0 | slot 1 | ...          a cache line each
      ^      ^
      |      `- first slot not yet published       the submitter alone writes it
      `- first slot not yet released               the device alone writes it

Both indices only grow; ``index & mask`` is the slot.  So ``tail - head`` is always
the number of descriptors ready, and there is no wrap-around case.  Each side keeps
its own index as a plain integer and looks at the other's only.

The lane gets its memory handed in, so that it neither knows nor cares whether it
is shared.  Every interleaving of its two sides:
``tests/property/test_interleavings_lane.py``.
"""

from collections.abc import Iterator

import numpy as np

from mpzswap.ring.descriptor import DESCRIPTOR_BYTES, Rows
from mpzswap.ring.memory import CACHE_LINE_BYTES, WORD_BYTES

HEADER_BYTES = 2 * CACHE_LINE_BYTES
TAIL_WORD = CACHE_LINE_BYTES // WORD_BYTES


def capacity_for(size: int) -> int:
    """Give the slots of a lane that can hold a whole work queue of *size*."""
    return 1 << (size - 1).bit_length()


def lane_bytes(capacity: int) -> int:
    """Give the bytes of a lane of *capacity* slots."""
    return HEADER_BYTES + capacity * DESCRIPTOR_BYTES


class Lane:
    """A ring over ``lane_bytes(capacity)`` bytes of *memory*; see the module."""

    def __init__(self, memory: memoryview, capacity: int) -> None:
        if capacity < 1 or capacity & capacity - 1:
            raise ValueError(f"capacity: {capacity}, must be a power of two")
        self.capacity = capacity
        self.slots = memory[HEADER_BYTES : lane_bytes(capacity)]
        self._mask = capacity - 1
        self._words = memory[:HEADER_BYTES].cast("Q")
        self._head = self._words[0]
        self._tail = self._words[TAIL_WORD]

    # Producer

    def space_left(self) -> int:
        """Give the number of slots that can be published now."""
        return self.capacity - self.waiting()

    def waiting(self) -> int:
        """Give the number of slots that were handed over and not taken yet."""
        return self._tail - self._words[0]

    @property
    def published(self) -> int:
        """How many slots were ever handed over."""
        return self._tail

    def slot(self, ahead: int = 0) -> int:
        """Give where in ``slots`` the *ahead*-th slot to be published begins."""
        return ((self._tail + ahead) & self._mask) * DESCRIPTOR_BYTES

    def rows(self, count: int) -> Iterator[tuple[int, Rows]]:
        """
        Give the next *count* slots to be published, as (first of them, rows).

        They are two stretches where the ring's end lies between.
        """
        rows = np.frombuffer(self.slots, "<u8").reshape(self.capacity, -1)
        first = self._tail & self._mask
        before_end = min(count, self.capacity - first)
        yield 0, rows[first : first + before_end]
        if before_end < count:
            yield before_end, rows[: count - before_end]

    def publish(self, count: int) -> None:
        """Hand the next *count* slots over; they have been filled."""
        if count > self.space_left():
            raise ValueError(f"publish: {count}, must be up to {self.space_left()}")
        # Nothing is called from here on, so no signal's handler comes between.
        self._tail += count
        # The store that publishes comes last.
        self._words[TAIL_WORD] = self._tail

    # Consumer

    def ready(self) -> int:
        """
        Give the number of descriptors to be taken.

        More than ``capacity`` means that the producer does not keep the rules.
        """
        return self._words[TAIL_WORD] - self._head

    def peek(self, count: int) -> bytes:
        """Give a copy of the first *count* descriptors: nobody can change it."""
        first = self._head & self._mask
        end = first + count
        if end <= self.capacity:
            return bytes(self.slots[first * DESCRIPTOR_BYTES : end * DESCRIPTOR_BYTES])
        wrapped = (end - self.capacity) * DESCRIPTOR_BYTES
        return bytes(self.slots[first * DESCRIPTOR_BYTES :]) + bytes(
            self.slots[:wrapped]
        )

    def release(self, count: int) -> None:
        """Give the first *count* slots back to the producer."""
        self._head += count
        self._words[0] = self._head
