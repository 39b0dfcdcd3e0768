"""Groups take turns, queues have their weight, submitters of a queue share alike."""

from collections import Counter
from collections.abc import Iterable

import pytest

from mpzswap.device.arbiter import BURST, Arbiter, Burst, Source
from mpzswap.device.client import Client
from mpzswap.ring.lane import TAIL_WORD, Lane, lane_bytes
from mpzswap.topology.model import Device, Group, WorkQueue
from mpzswap.topology.settings import MAX_WQS

CAPACITY = 4 * BURST
CLIENT = Client(pasid=1)
ENGINES = Group(compress_engines=1, decompress_engines=1)


def arbiter_of(made: Device) -> Arbiter:
    """Give the arbiter of a device, with words that nobody else sees."""
    return Arbiter(made, memoryview(bytearray(MAX_WQS * 8)).cast("Q"))


def device(*wqs: tuple[int, int]) -> Device:
    """Give a device with work queues of (group, priority)."""
    return Device(
        name="iax0",
        groups=(ENGINES,) * (1 + max(group for group, _ in wqs)),
        wqs=tuple(
            WorkQueue(name=f"wq{index}", group_id=group, priority=priority, size=8)
            for index, (group, priority) in enumerate(wqs)
        ),
    )


class Feed:
    """A submitter's lane, and what the test publishes on it."""

    def __init__(self, arbiter: Arbiter, wq: int, segment: int = 1) -> None:
        memory = memoryview(bytearray(lane_bytes(CAPACITY)))
        self.words = memory[:128].cast("Q")
        self.lane = Lane(memory, CAPACITY)
        consumer = Lane(memory, CAPACITY)
        self.source = Source(consumer, segment=segment, client=CLIENT)
        arbiter.add(wq, self.source)

    def publish(self, count: int) -> "Feed":
        """Publish descriptors whose first byte is their number, 0 to 255 and again."""
        for ahead in range(count):
            self.lane.slots[self.lane.slot(ahead)] = ahead & 255
        self.lane.publish(count)
        return self

    def taken(self, bursts: Iterable[Burst]) -> int:
        """Give how many of *bursts* are ours."""
        return sum(b.nr_descriptors for b in bursts if b.source is self.source)


def by_queue(bursts: Iterable[Burst]) -> dict[int, int]:
    """Give how many descriptors each queue gave."""
    counts: Counter[int] = Counter()
    for burst in bursts:
        counts[burst.wq] += burst.nr_descriptors
    return dict(counts)


def test_nothing_published_is_nothing_taken() -> None:
    """A pass over empty lanes, or over none, gives no burst."""
    arbiter = arbiter_of(device((0, 10), (1, 10)))
    assert list(arbiter.take()) == []
    Feed(arbiter, 0)

    assert list(arbiter.take()) == []


def test_burst_is_what_was_published() -> None:
    """The bytes in order, with whose they are; their slots are free again."""
    arbiter = arbiter_of(device((0, 10)))
    feed = Feed(arbiter, 0).publish(3)
    (burst,) = arbiter.take()

    assert (burst.wq, burst.nr_descriptors, burst.source) == (0, 3, feed.source)
    assert burst.descriptors[::64] == bytes([0, 1, 2])
    assert feed.lane.space_left() == CAPACITY


def test_pass_takes_no_more_than_a_burst_of_a_group() -> None:
    """The rest comes in the next passes."""
    arbiter = arbiter_of(device((0, 10)))
    Feed(arbiter, 0).publish(2 * BURST + 1)

    assert [by_queue(arbiter.take()) for _ in range(4)] == [
        {0: BURST},
        {0: BURST},
        {0: 1},
        {},
    ]


@pytest.mark.parametrize(
    ("priorities", "shares"),
    [
        ((6, 2), (3 / 4, 1 / 4)),
        ((10, 10), (1 / 2, 1 / 2)),
        ((15, 1), (15 / 16, 1 / 16)),
        ((8, 4, 4), (1 / 2, 1 / 4, 1 / 4)),
    ],
)
def test_queues_share_a_group_by_priority(
    priorities: tuple[int, ...], shares: tuple[float, ...]
) -> None:
    """Priority 6 beside 2 gets three times as many."""
    arbiter = arbiter_of(device(*((0, priority) for priority in priorities)))
    for wq in range(len(priorities)):
        Feed(arbiter, wq).publish(CAPACITY)
    expected = {wq: int(BURST * share) for wq, share in enumerate(shares)}

    assert by_queue(arbiter.take()) == expected


def test_queue_without_work_leaves_its_share() -> None:
    """The others have the whole burst."""
    arbiter = arbiter_of(device((0, 15), (0, 1)))
    Feed(arbiter, 0)
    Feed(arbiter, 1).publish(CAPACITY)

    assert by_queue(arbiter.take()) == {1: BURST}


def test_lowest_priority_gets_something_in_every_pass() -> None:
    """Weights share; they starve nobody."""
    arbiter = arbiter_of(device((0, 15), (0, 15), (0, 15), (0, 1)))
    for wq in range(4):
        Feed(arbiter, wq).publish(CAPACITY)

    assert by_queue(arbiter.take())[3] == BURST // 46


def test_groups_take_turns() -> None:
    """Each has a burst of its own, whatever the priorities in others."""
    arbiter = arbiter_of(device((0, 15), (1, 1)))
    for wq in range(2):
        Feed(arbiter, wq).publish(CAPACITY)
    bursts = list(arbiter.take())

    assert [(burst.wq, burst.nr_descriptors) for burst in bursts] == [
        (0, BURST),
        (1, BURST),
    ]


def test_lanes_of_a_queue_share_alike() -> None:
    """Three submitters get a third each."""
    arbiter = arbiter_of(device((0, 10)))
    feeds = [Feed(arbiter, 0, segment).publish(CAPACITY) for segment in range(3)]
    bursts = list(arbiter.take())

    assert [feed.taken(bursts) for feed in feeds] == [BURST // 3] * 3


def test_lanes_are_first_in_turn() -> None:
    """No submitter is always served before the others."""
    arbiter = arbiter_of(device((0, 10)))
    feeds = [Feed(arbiter, 0, segment).publish(CAPACITY) for segment in range(3)]
    firsts = [next(iter(list(arbiter.take()))).source.segment for _ in range(3)]

    assert sorted(firsts) == [0, 1, 2]
    assert all(feed.lane.space_left() for feed in feeds)


def test_more_lanes_than_a_burst_are_all_served() -> None:
    """One descriptor each, at least."""
    arbiter = arbiter_of(device((0, 10)))
    for segment in range(BURST + 5):
        Feed(arbiter, 0, segment).publish(2)

    assert by_queue(arbiter.take()) == {0: BURST + 5}


@pytest.mark.parametrize(
    "tail", [10 + CAPACITY + 1, 2**64 - 1, 9, 0], ids=["far", "last", "back", "zero"]
)
def test_impossible_tail_drops_that_lane_alone(tail: int) -> None:
    """Nothing in it can be believed; the other lanes of the queue go on."""
    arbiter = arbiter_of(device((0, 10)))
    bad = Feed(arbiter, 0, segment=1).publish(10)
    list(arbiter.take())
    good = Feed(arbiter, 0, segment=2).publish(3)
    bad.words[TAIL_WORD] = tail
    bursts = list(arbiter.take())
    good.publish(4)
    bursts += arbiter.take()

    assert (bad.taken(bursts), good.taken(bursts)) == (0, 7)
    assert arbiter.broken_lanes == 1


def test_removed_segment_is_served_no_more() -> None:
    """Every lane in it is forgotten, in all queues; others are not."""
    arbiter = arbiter_of(device((0, 10), (1, 10)))
    gone = [Feed(arbiter, wq, segment=1).publish(5) for wq in range(2)]
    left = [Feed(arbiter, wq, segment=2).publish(5) for wq in range(2)]
    arbiter.remove(1)
    bursts = list(arbiter.take())

    assert [feed.taken(bursts) for feed in gone] == [0, 0]
    assert [feed.taken(bursts) for feed in left] == [5, 5]


def test_removing_an_unknown_segment_changes_nothing() -> None:
    """A segment without lanes, such as the pages of a worker."""
    arbiter = arbiter_of(device((0, 10)))
    feed = Feed(arbiter, 0).publish(1)
    arbiter.remove(99)

    assert feed.taken(arbiter.take()) == 1
