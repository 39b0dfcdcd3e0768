"""How large a lane is; what it does is in contract/test_lane.py."""

import pytest

from mpzswap.ring.lane import Lane, capacity_for, lane_bytes


@pytest.mark.parametrize(
    ("size", "slots"), [(1, 1), (2, 2), (3, 4), (128, 128), (129, 256), (4096, 4096)]
)
def test_lane_holds_a_whole_work_queue(size: int, slots: int) -> None:
    """The next power of two, so that the queue's size is the only limit."""
    assert capacity_for(size) == slots


def test_lane_is_two_cache_lines_and_its_slots() -> None:
    """Head and tail lie apart: each side writes a line of its own."""
    assert lane_bytes(8) == 64 + 64 + 8 * 64


@pytest.mark.parametrize("capacity", [-1, 0, 3, 6, 127])
def test_capacity_that_is_no_power_of_two_is_refused(capacity: int) -> None:
    """The slot of an index is a mask away, so only powers of two will do."""
    with pytest.raises(ValueError, match=f"capacity: {capacity}, must be a power"):
        Lane(memoryview(bytearray(lane_bytes(256))), capacity)
