"""A lane beside a deque."""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mpzswap.ring.lane import Lane, lane_bytes


class LaneModel(RuleBasedStateMachine):
    """Descriptors go in and come out as a deque has them."""

    @initialize(bits=st.integers(0, 4))
    def open(self, bits: int) -> None:
        """Begin with an empty lane of 1 to 16 slots."""
        self.capacity = 1 << bits
        memory = memoryview(bytearray(lane_bytes(self.capacity)))
        self.producer = Lane(memory, self.capacity)
        self.consumer = Lane(memory, self.capacity)
        self.model: deque[bytes] = deque()
        self.number = 0

    @rule(wanted=st.integers(0, 16))
    def publish(self, wanted: int) -> None:
        """Publish as many as there is room for, each unlike the others."""
        count = min(wanted, self.capacity - len(self.model))
        for ahead in range(count):
            self.number += 1
            descriptor = self.number.to_bytes(64, "little")
            at = self.producer.slot(ahead)
            self.producer.slots[at : at + 64] = descriptor
            self.model.append(descriptor)
        self.producer.publish(count)

    @rule(wanted=st.integers(0, 16))
    def take(self, wanted: int) -> None:
        """Take as many as there are."""
        count = min(wanted, len(self.model))
        taken = self.consumer.peek(count)
        self.consumer.release(count)

        assert taken == b"".join(self.model.popleft() for _ in range(count))

    @rule(wanted=st.integers(0, 16))
    def peek(self, wanted: int) -> None:
        """Look at the first ones; they stay."""
        count = min(wanted, len(self.model))

        assert self.consumer.peek(count) == b"".join(list(self.model)[:count])

    @invariant()
    def counts_agree(self) -> None:
        """Both sides know how many there are."""
        assert self.consumer.ready() == len(self.model)
        assert self.producer.space_left() == self.capacity - len(self.model)


LaneModel.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None
)
test_lane_behaves_as_a_deque = LaneModel.TestCase
