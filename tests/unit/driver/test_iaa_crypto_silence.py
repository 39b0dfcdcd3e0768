"""A device that does not answer: it died, or it is late."""

import errno
from collections.abc import Iterator

import pytest

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Path
from mpzswap.completion.status import Status
from mpzswap.errors import QueueFullError
from tests.tools.driver_rig import DriverRig, driver_rig, one_queue
from tests.tools.zswap_rig import ZERO, text

TIMEOUT_MS = 100
LATE_NS = TIMEOUT_MS * 1_000_000 + 1


def texts(count: int, first: int = 0) -> list[bytes]:
    """Give so many pages."""
    return [text(seed) for seed in range(first, first + count)]


@pytest.fixture
def rig() -> Iterator[DriverRig]:
    """Give a driver of one device with a queue of four, which may take 100 ms."""
    with driver_rig(one_queue(4), completion_timeout_ms=TIMEOUT_MS) as rig:
        yield rig


@pytest.mark.parametrize("operation", ["compress", "decompress"])
def test_what_a_dead_device_had_is_done_in_software(
    rig: DriverRig, operation: str
) -> None:
    """Long before the limit; the user sees a slow page and no error."""
    request = rig.packed_request(texts(2))
    rig.put(texts(2) if operation == "compress" else [ZERO] * 2)
    getattr(rig.driver, operation)(request)
    rig.machine.lose(0)
    rig.clock.ns += 1_000_000

    assert rig.finish(request) == 0
    assert request.paths == [Path.SOFTWARE] * 2
    assert rig.stats.reasons == {"device_died": 2}
    assert [rig.page(index) for index in range(2)] == texts(2)
    assert rig.unpacked(request, 1) == text(1)


def test_answers_of_a_dead_device_are_kept(rig: DriverRig) -> None:
    """What it did before it died need not be done again."""
    request = rig.request(texts(2))
    rig.driver.compress(request)
    rig.answer(request, 0, Status.SUCCESS)
    rig.machine.lose(0)
    rig.clock.ns += 1_000_000

    assert rig.driver.poll(request) == 0
    assert request.paths == [Path.DEVICE, Path.SOFTWARE]


def test_living_device_is_waited_for_while_another_is_dead() -> None:
    """Only the pages of the dead one are done in software."""
    with driver_rig(one_queue(), one_queue()) as rig:
        request = rig.request(texts(4))
        rig.driver.compress(request)
        rig.machine.lose(0)
        rig.clock.ns += 1_000_000
        assert rig.driver.poll(request) == EAGAIN
        assert rig.finish(request) == 0

        assert sorted(request.paths) == [Path.DEVICE] * 2 + [Path.SOFTWARE] * 2


def test_pages_not_yet_in_a_queue_of_a_dead_device_are_done_too() -> None:
    """The queues are chosen anew for the rest of a request that is under way."""
    with driver_rig(one_queue(2), comp_alloc_retries=5) as rig:
        request = rig.request(texts(6))
        rig.driver.compress(request)
        rig.machine.lose(0)

        assert rig.finish(request) == 0
        assert request.paths == [Path.SOFTWARE] * 6


def test_rest_of_a_request_goes_to_the_device_that_is_left() -> None:
    """Not to the full queue of the dead one."""
    with driver_rig(one_queue(2), one_queue(2), comp_alloc_retries=5) as rig:
        request = rig.request(texts(10))
        rig.driver.compress(request)
        rig.machine.lose(0)

        assert rig.finish(request) == 0
        assert rig.queues[0, 0].stats.comp_calls == 2
        assert rig.queues[1, 0].stats.comp_calls == 8


def test_dead_device_needs_no_core(rig: DriverRig) -> None:
    """What was in flight there does not count as a busy process ever after."""
    request = rig.request(texts(1))
    rig.driver.compress(request)
    rig.machine.lose(0)
    rig.finish(request)
    rig.driver.compress(request)
    rig.machine.cores = 2

    assert rig.driver._submission.has_core_to_spare()


def test_silence_is_waited_for_up_to_the_limit(rig: DriverRig) -> None:
    """Not longer: then it is -ETIMEDOUT, and counted."""
    request = rig.request(texts(2))
    rig.driver.compress(request)
    rig.clock.ns += LATE_NS - 1
    assert rig.driver.poll(request) == EAGAIN
    rig.clock.ns += 1

    assert rig.driver.poll(request) == -errno.ETIMEDOUT
    assert request.errors == [-errno.ETIMEDOUT] * 2
    assert rig.stats.total_completion_timeout_errors == 2
    assert rig.stats.reasons == {"completion_timeout": 2}


def test_answers_before_the_limit_are_kept(rig: DriverRig) -> None:
    """Only the page that was not answered is late."""
    request = rig.request(texts(2))
    rig.driver.compress(request)
    rig.serve()
    rig.portal.clear(request.first + 1, 1)
    rig.clock.ns += LATE_NS

    assert rig.driver.poll(request) == -errno.ETIMEDOUT
    assert request.errors == [0, -errno.ETIMEDOUT]
    assert rig.unpacked(request) == text(0)


def test_late_request_gets_other_records_and_buffers(rig: DriverRig) -> None:
    """The device may still write into the old ones."""
    request = rig.request(texts(2))
    first, address = request.first, request.buffers.address
    rig.driver.compress(request)
    rig.clock.ns += LATE_NS
    rig.driver.poll(request)

    assert request.capacity == 2
    assert abs(request.first - first) >= 2
    assert abs(request.buffers.address - address) >= 2 * 4096
    assert request.buffers.address == rig.portal.buffers(request.first, 2).address


def test_late_completion_does_not_disturb_the_next_request(rig: DriverRig) -> None:
    """The old descriptors run while the new ones wait: nothing of them is seen."""
    request = rig.request(texts(2))
    rig.driver.compress(request)
    late = rig.devices[0].take()
    rig.clock.ns += LATE_NS
    rig.driver.poll(request)
    request.pages = rig.put(texts(2, first=10), first=8)
    assert rig.driver.compress(request) == EINPROGRESS
    rig.devices[0].run(late)
    assert rig.driver.poll(request) == EAGAIN

    assert rig.finish(request) == 0
    assert [rig.unpacked(request, place) for place in range(2)] == texts(2, first=10)


def test_late_completion_does_not_disturb_other_requests(rig: DriverRig) -> None:
    """Released buffers that a device may still write into go to nobody."""
    request = rig.request(texts(2))
    rig.driver.compress(request)
    late = rig.devices[0].take()
    rig.clock.ns += LATE_NS
    rig.driver.poll(request)
    rig.driver.release(request)
    others = [rig.request(texts(1, 20 + i), first=8 + i) for i in range(2)]
    for other in others:
        rig.driver.compress(other)
    rig.devices[0].run(late)
    assert [rig.driver.poll(other) for other in others] == [EAGAIN] * 2
    for place, other in enumerate(others):
        rig.finish(other)

        assert rig.unpacked(other) == text(20 + place)


def test_rest_of_a_late_request_is_waited_for_anew(rig: DriverRig) -> None:
    """What is in its other records from earlier use is not taken for an answer."""
    used = rig.request(texts(6), first=8)
    rig.driver.compress(used)
    rig.finish(used)
    request = rig.request(texts(6))
    rig.driver.release(used)
    rig.driver.compress(request)
    rig.devices[0].take()
    rig.clock.ns += LATE_NS
    rig.driver.poll(request)
    rig.queues[0, 0].occupancy.give_back(4)
    rig.driver.poll(request)

    assert request.errors == [-errno.ETIMEDOUT] * 4 + [EINPROGRESS] * 2
    assert rig.finish(request) == -errno.ETIMEDOUT
    assert request.errors == [-errno.ETIMEDOUT] * 4 + [0] * 2


def test_late_request_without_spare_buffers_ends_as_well() -> None:
    """Its late pages are -ETIMEDOUT; those that no device had yet are done."""
    with driver_rig(
        one_queue(2), nr_buffers=4, completion_timeout_ms=TIMEOUT_MS
    ) as rig:
        request = rig.request(texts(4))
        rig.driver.compress(request)
        late = rig.devices[0].take()
        rig.clock.ns += LATE_NS
        assert rig.driver.poll(request) == EAGAIN
        rig.queues[0, 0].occupancy.give_back(2)
        rig.driver.poll(request)
        rig.devices[0].run(late)

        assert rig.finish(request) == -errno.ETIMEDOUT
        assert request.errors == [-errno.ETIMEDOUT] * 2 + [0] * 2
        assert rig.unpacked(request, 3) == text(3)


def test_buffers_that_may_still_be_written_are_not_used_again() -> None:
    """Without spare ones the request is refused, and its buffers go to nobody."""
    with driver_rig(
        one_queue(4), nr_buffers=2, completion_timeout_ms=TIMEOUT_MS
    ) as rig:
        request = rig.request(texts(2))
        rig.driver.compress(request)
        rig.clock.ns += LATE_NS
        rig.driver.poll(request)

        for submit in (rig.driver.compress, rig.driver.decompress):
            with pytest.raises(QueueFullError, match="may still write"):
                submit(request)
        rig.driver.release(request)
        with pytest.raises(QueueFullError, match="must be up to 0"):
            rig.driver.allocate(1)


def test_rest_of_a_late_request_has_its_own_time(rig: DriverRig) -> None:
    """A descriptor that was just submitted is not late because others were."""
    request = rig.request(texts(6))
    rig.driver.compress(request)
    rig.devices[0].take()
    rig.clock.ns += LATE_NS
    rig.driver.poll(request)
    rig.queues[0, 0].occupancy.give_back(4)
    rig.driver.poll(request)
    rig.clock.ns = request.due_ns + 1

    assert rig.driver.poll(request) == EAGAIN
    assert request.in_flight == 2
