"""A work queue counts how often it was full; a shared one is tried again."""

import pytest

from mpzswap.driver.queue import SubmitQueue
from mpzswap.ring.doorbell import Doorbell
from mpzswap.ring.lane import Lane, lane_bytes
from mpzswap.ring.occupancy import Occupancy


def queue(enqcmds_retries: int = 0) -> tuple[SubmitQueue, memoryview]:
    """Give a queue of four places, and the words of two submitters."""
    words = memoryview(bytearray(16)).cast("Q")
    made = SubmitQueue(
        device=0,
        wq=0,
        lane=Lane(memoryview(bytearray(lane_bytes(4))), 4),
        occupancy=Occupancy(words, memoryview(bytearray(8)).cast("Q"), 0, 4, lambda: 2),
        doorbell=Doorbell(memoryview(bytearray(8)).cast("Q"), -1),
        enqcmds_retries=enqcmds_retries,
    )
    return made, words


def test_free_places_are_had_at_once() -> None:
    """As many as there are; that is no retry."""
    made, _ = queue(enqcmds_retries=32)

    assert made.try_reserve(3) == 3
    made.publish(3)
    assert made.try_reserve(3) == 1
    assert made.stats.retries == 0


@pytest.mark.parametrize("enqcmds_retries", [0, 1, 32])
def test_full_queue_is_tried_as_often_as_it_may_be(enqcmds_retries: int) -> None:
    """A dedicated one once; a shared one again, as ENQCMDS is."""
    made, words = queue(enqcmds_retries)
    words[1] = 4

    assert made.try_reserve(1) == 0
    assert made.stats.retries == 1 + enqcmds_retries
    assert words.tolist() == [0, 4]


def test_publication_is_in_the_lane() -> None:
    """A device that looks finds it."""
    made, _ = queue()
    made.publish(2)

    assert made.lane.ready() == 2
