"""A portal gives out runs of records and buffers, and takes them back."""

from collections.abc import Iterator

import pytest

from mpzswap.completion.record import RECORD_BYTES
from mpzswap.driver.portal import Portal, PortalLayout
from mpzswap.errors import QueueFullError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.lane import lane_bytes
from mpzswap.ring.memory import Segment, address
from mpzswap.topology.model import Device, Topology, WorkQueue
from tests.tools.driver_rig import topology_of

NR_BUFFERS = 10
NUMBER = 4


def topology() -> Topology:
    """Give two devices, the second with two queues."""
    shared = WorkQueue(name="shared", size=8, mode="shared", threshold=3)
    queues = (WorkQueue(name="other", size=5), shared)
    return topology_of(Device(name="a"), Device(name="b", wqs=queues))


@pytest.fixture
def portal() -> Iterator[Portal]:
    """Give a portal with ten buffers."""
    layout = PortalLayout.plan(topology(), NR_BUFFERS)
    segment = Segment.create(NUMBER, layout.size)
    yield Portal(segment, layout)
    segment.close()


def test_parts_of_a_portal_do_not_overlap() -> None:
    """Lanes one after the other, then records in cache lines, then whole pages."""
    layout = PortalLayout.plan(topology(), NR_BUFFERS)
    places = [place for device in layout.lanes[0] for place in device]
    ends = [place.offset + lane_bytes(place.capacity) for place in places]

    assert [place.offset for place in places] == [0, *ends[:-1]]
    assert layout.records_offset == ends[-1]
    assert layout.records_offset % RECORD_BYTES == 0
    assert layout.buffers_offset % PAGE_SIZE == 0
    assert layout.buffers_offset >= ends[-1] + NR_BUFFERS * RECORD_BYTES
    assert layout.size == layout.buffers_offset + NR_BUFFERS * PAGE_SIZE


def test_lane_has_room_for_what_its_queue_may_hold() -> None:
    """A shared queue's threshold, a dedicated one's size, rounded up."""
    layout = PortalLayout.plan(topology(), NR_BUFFERS)

    assert [[place.capacity for place in device] for device in layout.lanes[0]] == [
        [128],
        [8, 4],
    ]
    assert [place.wq for place in layout.lanes[0][1]] == [0, 1]


def test_runs_are_given_out_side_by_side(portal: Portal) -> None:
    """First fit, from the beginning."""
    assert [portal.allocate(count) for count in (3, 1, 6)] == [0, 3, 4]


def test_more_than_is_left_is_refused(portal: Portal) -> None:
    """The message has what was asked for and what there is."""
    portal.allocate(7)

    with pytest.raises(QueueFullError, match="4 pages, must be up to 3"):
        portal.allocate(4)
    assert portal.allocate(3) == 7
    with pytest.raises(QueueFullError, match="1 pages, must be up to 0"):
        portal.allocate(1)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 0, 2)])
def test_neighbours_that_come_back_are_one_run_again(
    portal: Portal, order: tuple[int, ...]
) -> None:
    """In whatever order: the whole can be had at once."""
    runs = [(portal.allocate(count), count) for count in (3, 3, 4)]
    for index in order:
        portal.release(*runs[index])

    assert portal.allocate(NR_BUFFERS) == 0


@pytest.mark.parametrize(("first", "count"), [(0, 4), (2, 2), (3, 4), (0, 10)])
def test_what_is_free_cannot_be_given_back(
    portal: Portal, first: int, count: int
) -> None:
    """It would be had twice."""
    portal.allocate(10)
    portal.release(0, 4)
    with pytest.raises(ValueError, match=f"buffers {first} on are free already"):
        portal.release(first, count)

    assert portal._free == [(0, 4)]


def test_runs_with_one_in_use_between_stay_apart(portal: Portal) -> None:
    """Six are free, but not side by side."""
    first, _, last = (portal.allocate(count) for count in (3, 4, 3))
    portal.release(first, 3)
    portal.release(last, 3)

    with pytest.raises(QueueFullError, match="must be up to 3"):
        portal.allocate(4)
    assert [portal.allocate(3), portal.allocate(3)] == [0, 7]


def test_record_and_buffer_of_one_number_belong_together(portal: Portal) -> None:
    """Their addresses are where they lie in the segment."""
    layout = PortalLayout.plan(topology(), NR_BUFFERS)
    buffers = portal.buffers(2, 3)

    assert len(buffers) == 3
    assert buffers.address == address(NUMBER, layout.buffers_offset + 2 * PAGE_SIZE)
    assert portal.record_addresses(2, 1)[0] == address(
        NUMBER, layout.records_offset + 2 * 64
    )


def test_statuses_are_those_of_the_run(portal: Portal) -> None:
    """One byte of each record."""
    portal.records["status"][2:5] = 1, 2, 3

    assert portal.statuses(2, 3) == bytes([1, 2, 3])
    assert portal.statuses(0, 4) == bytes([0, 0, 1, 2])


def test_clear_is_of_the_run_alone(portal: Portal) -> None:
    """Its neighbours may be waited for."""
    portal.records["status"][:] = 7
    portal.clear(2, 3)

    assert portal.statuses(0, 6) == bytes([7, 7, 0, 0, 0, 7])
