"""A queue is one line, groups choose by priority, and engines take what they can."""

from collections import Counter
from collections.abc import Callable

import pytest

from mpzswap.device.arbiter import Source
from mpzswap.device.client import Client
from mpzswap.device.dispatch import OPCODE_AT, Dispatcher
from mpzswap.ring.descriptor import Opcode
from mpzswap.ring.lane import TAIL_WORD, Lane, lane_bytes
from mpzswap.topology.model import Device, Group, WorkQueue
from mpzswap.topology.settings import MAX_WQS

CAPACITY = 64
CLIENT = Client(pasid=1)
ENGINES = Group(compress_engines=1, decompress_engines=1)
COMPRESS, DECOMPRESS = int(Opcode.COMPRESS), int(Opcode.DECOMPRESS)


def everything(compresses: bool) -> bool:  # noqa: FBT001 - as the dispatcher calls it
    """Have engines of both kinds."""
    del compresses
    return True


def nothing_that_compresses(compresses: bool) -> bool:  # noqa: FBT001 - see above
    """Have engines that decompress."""
    return not compresses


class Feed:
    """A submitter's lane; what is published says who it is, and its number."""

    def __init__(self, owner: "Rig", name: int, wq: int, segment: int) -> None:
        memory = memoryview(bytearray(lane_bytes(CAPACITY)))
        self.words = memory[:128].cast("Q")
        self.lane = Lane(memory, CAPACITY)
        self.name = name
        self.number = 0
        self.source = Source(Lane(memory, CAPACITY), segment, CLIENT)
        owner.dispatcher.add(wq, self.source)

    def publish(self, *opcodes: int) -> None:
        """Publish a descriptor of each opcode."""
        for opcode in opcodes:
            at = self.lane.slot()
            self.lane.slots[at : at + 2] = bytes([self.name, self.number])
            self.lane.slots[at + OPCODE_AT] = opcode
            self.lane.publish(1)
            self.number += 1


class Rig:
    """A dispatcher over queues of (group, priority), and lanes into them."""

    def __init__(self, *wqs: tuple[int, int]) -> None:
        self.taken_words = memoryview(bytearray(MAX_WQS * 8)).cast("Q")
        groups = (ENGINES,) * (1 + max(group for group, _ in wqs))
        queues = tuple(
            WorkQueue(name=f"wq{index}", group_id=group, priority=priority, size=8)
            for index, (group, priority) in enumerate(wqs)
        )
        device = Device(name="iax0", compress_engines=3, groups=groups, wqs=queues)
        self.dispatcher = Dispatcher(device, self.taken_words)
        self.feeds: list[Feed] = []

    def feed(self, wq: int = 0, segment: int = 1) -> Feed:
        """Give a lane; they are numbered from 0."""
        self.feeds.append(Feed(self, len(self.feeds), wq, segment))
        return self.feeds[-1]

    def note(self, now_ns: int) -> None:
        """Let it look at that time."""
        self.dispatcher.note(lambda: now_ns)

    def take(
        self,
        most: int = 1000,
        group: int = 0,
        is_free: Callable[[bool], bool] = everything,
    ) -> list[tuple[int, int]]:
        """Give whose descriptors were taken, and their numbers, in order."""
        taken: list[tuple[int, int]] = []
        queues = self.dispatcher.groups[group]
        while len(taken) < most:
            found = self.dispatcher.take_one(queues, is_free)
            if found is None:
                break
            taken.append((found.descriptor[0], found.descriptor[1]))
        return taken


def test_descriptor_is_in_its_queue_from_the_look_that_finds_it() -> None:
    """Without a look there is none; the look is its time of arrival."""
    rig = Rig((0, 10))
    feed = rig.feed()
    feed.publish(COMPRESS)
    assert rig.take() == []
    rig.note(70)
    rig.note(90)
    found = rig.dispatcher.take_one(rig.dispatcher.groups[0], everything)

    assert found is not None
    assert (found.source, found.arrived_ns) == (feed.source, 70)
    assert found.descriptor[OPCODE_AT] == COMPRESS


def test_queue_is_one_line_over_its_lanes() -> None:
    """Who came first is first, with all that it brought."""
    rig = Rig((0, 10))
    second, first = rig.feed(), rig.feed()
    first.publish(COMPRESS, COMPRESS)
    rig.note(1)
    second.publish(COMPRESS)
    first.publish(COMPRESS)
    rig.note(2)

    assert rig.take() == [(1, 0), (1, 1), (0, 0), (1, 2)]


def test_what_was_taken_is_not_found_again() -> None:
    """Nor is what waits; a look adds what has come since."""
    rig = Rig((0, 10))
    feed = rig.feed()
    feed.publish(*[COMPRESS] * 3)
    rig.note(1)
    assert rig.take(2) == [(0, 0), (0, 1)]
    feed.publish(COMPRESS)
    rig.note(2)
    rig.note(3)

    assert rig.take() == [(0, 2), (0, 3)]


def test_lane_goes_round() -> None:
    """More than its slots, a few at a time."""
    rig = Rig((0, 10))
    feed = rig.feed()
    numbers = []
    for _ in range(CAPACITY):
        feed.publish(*[COMPRESS] * 3)
        rig.note(1)
        numbers += [number for _, number in rig.take()]

    assert numbers == list(range(3 * CAPACITY))


@pytest.mark.parametrize(
    ("priorities", "taken"),
    [
        ((6, 2), {0: 12, 1: 4}),
        ((10, 10), {0: 8, 1: 8}),
        ((15, 1), {0: 15, 1: 1}),
        ((8, 4, 4), {0: 8, 1: 4, 2: 4}),
    ],
)
def test_queues_share_a_group_by_priority(
    priorities: tuple[int, ...], taken: dict[int, int]
) -> None:
    """Priority 6 beside 2 gets three of four."""
    rig = Rig(*((0, priority) for priority in priorities))
    for wq in range(len(priorities)):
        rig.feed(wq).publish(*[COMPRESS] * 20)
    rig.note(1)

    assert Counter(owner for owner, _ in rig.take(16)) == taken


def test_queues_of_a_group_are_well_mixed() -> None:
    """Nobody waits until another has had all of its share."""
    rig = Rig((0, 6), (0, 2))
    for wq in range(2):
        rig.feed(wq).publish(*[COMPRESS] * 20)
    rig.note(1)

    assert [owner for owner, _ in rig.take(8)] == [0, 0, 1, 0, 0, 0, 1, 0]


def test_queue_without_work_costs_the_others_nothing() -> None:
    """It has no credit from that time, either."""
    rig = Rig((0, 15), (0, 1))
    high, low = rig.feed(0), rig.feed(1)
    low.publish(*[COMPRESS] * 20)
    rig.note(1)
    assert rig.take(10) == [(1, number) for number in range(10)]
    high.publish(*[COMPRESS] * 20)
    rig.note(2)

    assert Counter(owner for owner, _ in rig.take(16)) == {0: 15, 1: 1}


def test_groups_are_taken_from_by_themselves() -> None:
    """Their engines are others; a group without queues has none."""
    rig = Rig((0, 10), (2, 10))
    for wq in range(2):
        rig.feed(wq).publish(COMPRESS)
    rig.note(1)

    assert sorted(rig.dispatcher.groups) == [0, 2]
    assert rig.take(group=2) == [(1, 0)]
    assert rig.take(group=0) == [(0, 0)]


def test_decompression_passes_a_compression_that_waits() -> None:
    """Engines of either kind look for themselves; each kind stays in order."""
    rig = Rig((0, 10))
    first, second = rig.feed(), rig.feed()
    first.publish(COMPRESS, COMPRESS)
    second.publish(DECOMPRESS, DECOMPRESS)
    rig.note(1)

    assert rig.take(is_free=nothing_that_compresses) == [(1, 0), (1, 1)]
    assert rig.take() == [(0, 0), (0, 1)]


def test_lane_is_in_order_whatever_waits() -> None:
    """Behind a compression of its own lane a decompression waits with it."""
    rig = Rig((0, 10))
    rig.feed().publish(COMPRESS, DECOMPRESS)
    rig.note(1)

    assert rig.take(is_free=nothing_that_compresses) == []
    assert rig.take() == [(0, 0), (0, 1)]


def test_engines_are_asked_once_for_a_line() -> None:
    """However long it is, and whatever waits in it."""
    rig = Rig((0, 10))
    for _ in range(20):
        rig.feed().publish(COMPRESS)
    rig.note(1)
    asked: list[bool] = []

    def ask(compresses: bool) -> bool:  # noqa: FBT001 - as the dispatcher calls it
        asked.append(compresses)
        return not compresses

    assert rig.take(is_free=ask) == []
    assert sorted(asked) == [False, True]


def test_place_is_free_when_an_engine_takes() -> None:
    """Not before: until then submitters find the queue as full as it is."""
    rig = Rig((0, 10), (0, 10))
    feed = rig.feed(1)
    feed.publish(*[COMPRESS] * 3)
    rig.note(1)
    assert (rig.taken_words[1], feed.lane.waiting()) == (0, 3)
    rig.take(2)

    assert (rig.taken_words[0], rig.taken_words[1]) == (0, 2)
    assert feed.lane.waiting() == 1


def test_descriptors_of_a_removed_segment_leave_the_line() -> None:
    """Their places are free again, others keep theirs."""
    rig = Rig((0, 10))
    gone, other = rig.feed(segment=1), rig.feed(segment=2)
    gone.publish(*[COMPRESS] * 3)
    other.publish(COMPRESS)
    rig.note(1)
    rig.take(1)
    gone.publish(COMPRESS)
    rig.dispatcher.remove(1)
    rig.note(2)

    assert rig.take() == [(1, 0)]
    assert rig.taken_words[0] == 5


def test_segment_of_no_lane_can_be_removed() -> None:
    """A worker's memory is one."""
    rig = Rig((0, 10))
    rig.feed().publish(COMPRESS)
    rig.note(1)
    rig.dispatcher.remove(9)

    assert rig.take() == [(0, 0)]


@pytest.mark.parametrize("tail", [2 + CAPACITY + 1, 1 << 63, 1])
def test_lane_with_an_impossible_index_is_given_up(tail: int) -> None:
    """What it had in the line goes with it; the others are served."""
    rig = Rig((0, 10))
    broken, other = rig.feed(), rig.feed()
    broken.publish(*[COMPRESS] * 4)
    rig.note(1)
    rig.take(2)
    other.publish(COMPRESS)
    broken.words[TAIL_WORD] = tail
    rig.note(2)

    assert rig.take() == [(1, 0)]
    assert rig.dispatcher.broken_lanes == 1
    rig.note(3)
    assert rig.dispatcher.broken_lanes == 1


def test_lane_that_takes_back_what_it_published_is_given_up() -> None:
    """What was found is not taken for more, or for ever."""
    rig = Rig((0, 10))
    broken, other = rig.feed(), rig.feed()
    broken.publish(*[COMPRESS] * 4)
    rig.note(1)
    other.publish(COMPRESS)
    broken.words[TAIL_WORD] = 1
    rig.note(2)

    assert rig.take(10) == [(1, 0)]
    assert rig.dispatcher.broken_lanes == 1


def test_segment_of_a_lane_that_was_given_up_can_be_removed() -> None:
    """Its submitter leaves as any."""
    rig = Rig((0, 10))
    broken = rig.feed()
    broken.words[TAIL_WORD] = CAPACITY + 1
    rig.note(1)
    rig.dispatcher.remove(1)
    rig.note(2)

    assert rig.take() == []
