"""A queue that is full although it has room."""

import errno

import pytest

from mpzswap.acomp.request import EAGAIN, Path
from mpzswap.driver.faults import RefusingPlaces
from mpzswap.topology.fault_line import parse_fault
from mpzswap.topology.faults import Trigger
from mpzswap.topology.model import Device, WorkQueue
from tests.tools.driver_rig import DriverRig, driver_rig, one_queue
from tests.tools.zswap_rig import text


def refuse(rig: DriverRig, *lines: str) -> None:
    """Let the first queue refuse, as *lines* say."""
    queue = rig.queues[0, 0]
    triggers = [Trigger(parse_fault(line), "") for line in lines]
    queue.occupancy = RefusingPlaces(queue.occupancy, triggers, queue.stats)


@pytest.mark.parametrize(
    ("lines", "had"),
    [
        (["queue_full:count=2"], [0, 0, 1, 1]),
        (["queue_full:every=2"], [1, 0, 1, 0]),
        (["queue_full:after=3", "queue_full:count=1"], [0, 1, 1, 0]),
    ],
)
def test_attempts_are_refused_as_the_faults_say(
    lines: list[str], had: list[int]
) -> None:
    """Each one counts, and is counted as a retry too."""
    with driver_rig(one_queue()) as rig:
        refuse(rig, *lines)
        queue = rig.queues[0, 0]

        assert [queue.try_reserve(1) for _ in had] == had
        assert queue.stats.injected_queue_full == had.count(0)
        assert queue.stats.retries == had.count(0)


def test_attempts_of_enqcmds_count_each() -> None:
    """A shared queue that refuses once is asked again at once."""
    shared = Device(name="one", wqs=(WorkQueue(size=8, mode="shared", threshold=8),))
    with driver_rig(shared, enqcmds_retries=4) as rig:
        refuse(rig, "queue_full:count=3")

        assert rig.queues[0, 0].try_reserve(2) == 2
        assert rig.queues[0, 0].stats.retries == 3


def test_refused_pages_are_done_when_there_is_room() -> None:
    """A fault that passes costs a moment."""
    with driver_rig(one_queue()) as rig:
        refuse(rig, "queue_full:count=3")
        request = rig.request([text(0), text(1)])
        rig.driver.compress(request)

        assert rig.finish(request) == 0
        assert request.paths == [Path.DEVICE] * 2
        assert rig.stats.reasons == {}


def test_queue_that_refuses_for_good_is_given_up() -> None:
    """As one that is full; nothing is left in it."""
    with driver_rig(one_queue(), comp_alloc_retries=2) as rig:
        refuse(rig, "queue_full")
        request = rig.request([text(0), text(1)])
        rig.driver.compress(request)
        while (result := rig.poll_later(request)) == EAGAIN:
            pass

        assert result == -errno.ENODEV
        assert rig.stats.reasons == {"queue_full": 2}
        assert rig.queues[0, 0].stats.max_occupancy == 0


def test_places_are_those_of_the_queue() -> None:
    """What is not refused is had there, and can be given back."""
    with driver_rig(one_queue(4)) as rig:
        plain = rig.queues[0, 0].occupancy
        refuse(rig, "queue_full:after=5")
        places = rig.queues[0, 0].occupancy
        assert places.try_take(9, 0) == 4
        assert (places.seen, places.highest) == (plain.seen, plain.highest) == (4, 4)
        places.settle(0)

        assert plain.try_take(9, 0) == 4
