"""A work queue, its submitters and its device, beside a deque for each lane."""

from collections import deque
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mpzswap.device.arbiter import Arbiter, Source
from mpzswap.device.client import Client
from mpzswap.ring.descriptor import DESCRIPTOR_BYTES
from mpzswap.ring.lane import Lane, capacity_for, lane_bytes
from mpzswap.ring.occupancy import Occupancy
from mpzswap.topology.model import Device, Group, WorkQueue

NR_COLUMNS = 3
# What a submitter does, or a part of it, or its device; the usual things twice.
DEEDS = (*("submit", "serve") * 2, "take places", "publish", "wish", "settle")
ENGINES = Group(compress_engines=1, decompress_engines=1)


def words(number: int) -> memoryview:
    """Give so many words, all 0."""
    return memoryview(bytearray(8 * number)).cast("Q")


def interrupt() -> None:
    """Raise what a signal's handler raises."""
    raise KeyboardInterrupt


@dataclass(eq=False)
class Member:
    """A submitter: the real lane and occupancy, and what they should say."""

    column: int
    segment: int
    lane: Lane
    occupancy: Occupancy
    queued: deque[bytes] = field(default_factory=deque)
    # Places that are its own and not used; and those that its word has besides, of
    # a wish that was interrupted.
    had: int = 0
    wished: int = 0


class QueueModel(RuleBasedStateMachine):
    """Places and descriptors are those of a queue with one deque a lane."""

    size: int
    members: Bundle[Member] = Bundle("members")

    def __init__(self) -> None:
        super().__init__()
        self.capacity = capacity_for(self.size)
        self.submitted, self.taken = words(NR_COLUMNS), words(1)
        wq = WorkQueue(name="wq", group_id=0, priority=10, size=self.size)
        device = Device(name="iax", groups=(ENGINES,), wqs=(wq,))
        self.arbiter = Arbiter(device, self.taken)
        self.there: dict[int, Member] = {}
        self.segments = count(1)
        self.numbers = count(1)

    @initialize(target=members)
    def open(self) -> MultipleResults[Member]:
        """Begin with two submitters."""
        return multiple(self.new_member(), self.new_member())

    # Submitters

    @precondition(lambda self: len(self.there) < NR_COLUMNS)
    @rule(target=members)
    def come(self) -> Member:
        """Let one more begin."""
        return self.new_member()

    def new_member(self) -> Member:
        """Give one in the first free column, with a lane of its own."""
        column = min(set(range(NR_COLUMNS)) - {m.column for m in self.there.values()})
        memory = memoryview(bytearray(lane_bytes(self.capacity)))
        segment = next(self.segments)
        occupancy = Occupancy(
            self.submitted, self.taken, column, self.size, lambda: NR_COLUMNS
        )
        source = Source(Lane(memory, self.capacity), segment, Client(segment))
        self.arbiter.add(0, source)
        member = Member(column, segment, Lane(memory, self.capacity), occupancy)
        self.there[segment] = member
        return member

    @rule(member=consumes(members))
    def go(self, member: Member) -> None:
        """Give back what is not used, and leave what is not taken."""
        member.occupancy.settle(member.lane.published)
        self.arbiter.remove(member.segment)
        del self.there[member.segment]

    # One rule: Hypothesis leaves rules out, and a queue without one of these deeds
    # is full, or empty, for ever.
    @rule(member=members, deed=st.sampled_from(DEEDS), wanted=st.integers(1, 9))
    def do(self, member: Member, deed: str, wanted: int) -> None:
        """Do what a submitter does, or a part of it; or let the device take."""
        if deed == "serve":
            self.serve(wanted)
        if deed in ("submit", "take places"):
            self.take_places(member, wanted)
        if deed in ("submit", "publish"):
            self.publish(member, min(wanted, member.had))
        if deed == "wish":
            self.wish(member, wanted)
        if deed == "settle":
            member.occupancy.settle(member.lane.published)
            member.had = member.wished = 0

    def take_places(self, member: Member, wanted: int) -> None:
        """Have what is free, as far as it is wanted; what was had is forgotten."""
        member.had = member.wished = 0
        before = self.places()
        member.had = member.occupancy.try_take(wanted, member.lane.published)

        assert member.had == min(wanted, max(0, self.size - before))
        assert member.occupancy.seen == min(self.size, before + wanted)

    def publish(self, member: Member, number: int) -> None:
        """Use places that are had."""
        for ahead in range(number):
            descriptor = next(self.numbers).to_bytes(DESCRIPTOR_BYTES, "little")
            at = member.lane.slot(ahead)
            member.lane.slots[at : at + DESCRIPTOR_BYTES] = descriptor
            member.queued.append(descriptor)
        member.lane.publish(number)
        member.had -= number

    def wish(self, member: Member, wanted: int) -> None:
        """Be interrupted between the wish and the look."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(member.occupancy, "_full_barrier", interrupt)
            with pytest.raises(KeyboardInterrupt):
                member.occupancy.try_take(wanted, member.lane.published)
        member.had, member.wished = 0, wanted

    # The device

    def serve(self, burst: int) -> None:
        """Take once from each lane in turn, in all up to *burst* if they have it."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mpzswap.device.arbiter.BURST", burst)
            taken = list(self.arbiter.take())

        assert bool(taken) == any(m.queued for m in self.there.values())
        for each in taken:
            queued = self.there[each.source.segment].queued
            due = [queued.popleft() for _ in range(each.nr_descriptors)]
            assert each.descriptors == b"".join(due)

    # What holds

    def places(self) -> int:
        """Give the places that are not free, by the model."""
        return sum(len(m.queued) + m.had + m.wished for m in self.there.values())

    @invariant()
    def words_say_what_is_not_free(self) -> None:
        """Those submitted less those taken."""
        assert sum(self.submitted) - self.taken[0] == self.places()

    @invariant()
    def size_is_not_exceeded(self) -> None:
        """By what is queued and what may be at any time."""
        members = self.there.values()
        assert sum(len(m.queued) + m.had for m in members) <= self.size

    @invariant()
    def lanes_have_what_is_queued(self) -> None:
        """And space for every place that is had."""
        for member in self.there.values():
            assert member.lane.space_left() == self.capacity - len(member.queued)
            assert member.lane.space_left() >= member.had


@pytest.mark.parametrize("size", range(1, 9))
def test_queue_behaves_as_a_deque_for_each_lane(size: int) -> None:
    """Nothing is lost, doubled or overtaken in its lane, and the size is kept."""

    class Sized(QueueModel):
        """Of one size."""

    Sized.size = size
    run_state_machine_as_test(
        Sized,
        settings=settings(max_examples=12, stateful_step_count=40, deadline=None),
    )
