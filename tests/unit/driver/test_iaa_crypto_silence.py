"""A device that does not answer: it died, or it is late."""

import os
from collections.abc import Iterator

import pytest

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Operation, Path
from mpzswap.completion.status import Status
from mpzswap.driver.estimate import FIRST_GUESS_NS
from mpzswap.driver.harvest import GRACE_PART, LOOK_AFTER_NS
from mpzswap.driver.iaa_crypto import IaaCrypto
from mpzswap.driver.request import IaaRequest
from mpzswap.ring.doorbell import Doorbell
from tests.tools.driver_rig import DriverRig, driver_rig, one_queue
from tests.tools.zswap_rig import ZERO, text

TIMEOUT_MS = 100
# The limit: its first part, and what begins when that is seen to be over.
GRACE_NS = TIMEOUT_MS * 1_000_000 // GRACE_PART
OVERDUE_NS = TIMEOUT_MS * 1_000_000 - GRACE_NS + 1


def texts(count: int, first: int = 0) -> list[bytes]:
    """Give so many pages."""
    return [text(seed) for seed in range(first, first + count)]


def be_late(rig: DriverRig, request: IaaRequest) -> int:
    """Let the limit pass, looking as often as needed; give what poll gave."""
    rig.clock.ns += OVERDUE_NS
    rig.driver.poll(request)
    rig.clock.ns += GRACE_NS
    return rig.driver.poll(request)


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
    rig.clock.ns = request.due_ns + LOOK_AFTER_NS
    assert rig.driver.poll(request) == EAGAIN
    rig.clock.ns += 1

    assert rig.driver.poll(request) == 0
    assert request.paths == [Path.DEVICE, Path.SOFTWARE]


def test_device_is_woken_once_more_before_it_is_late(rig: DriverRig) -> None:
    """An exception may have come between what was published and the first ring."""
    word = memoryview(bytearray(8)).cast("Q")
    eventfd = os.eventfd(0, os.EFD_NONBLOCK)
    rig.queues[0, 0].doorbell = Doorbell(word, eventfd)
    request = rig.request(texts(1))
    rig.driver.compress(request)
    word[0] = 1
    rig.clock.ns += OVERDUE_NS
    polled = [rig.driver.poll(request) for _ in range(3)]

    assert polled == [EAGAIN] * 3
    assert os.eventfd_read(eventfd) == 1
    os.close(eventfd)


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

    assert rig.driver._submission.crowd() == 1


def test_silence_is_waited_for_up_to_the_limit(rig: DriverRig) -> None:
    """Not longer: then it is counted as -ETIMEDOUT, and the device is to be ended."""
    request = rig.request(texts(2))
    rig.driver.compress(request)
    rig.clock.ns += OVERDUE_NS
    assert rig.driver.poll(request) == EAGAIN
    rig.clock.ns += GRACE_NS - 1
    assert rig.driver.poll(request) == EAGAIN
    assert rig.machine.ended == []
    rig.clock.ns += 1

    assert rig.driver.poll(request) == EAGAIN
    assert rig.machine.ended == [0]
    assert rig.stats.total_completion_timeout_errors == 2


def test_device_that_was_stopped_with_us_has_time_to_answer(rig: DriverRig) -> None:
    """As by Ctrl-Z: an hour has passed, and nobody is late yet."""
    request = rig.request(texts(2))
    rig.driver.compress(request)
    rig.clock.ns += 3600 * 1_000_000_000
    assert rig.driver.poll(request) == EAGAIN
    rig.clock.ns += GRACE_NS - 1
    assert rig.driver.poll(request) == EAGAIN
    rig.serve()

    assert rig.driver.poll(request) == 0
    assert rig.machine.ended == []


def test_late_device_is_asked_for_once(rig: DriverRig) -> None:
    """Until it is gone its pages are waited for, and counted once."""
    request = rig.request(texts(2))
    rig.driver.compress(request)
    be_late(rig, request)
    polls = {rig.driver.poll(request) for _ in range(5)}

    assert polls == {EAGAIN}
    assert rig.machine.ended == [0]
    assert rig.stats.total_completion_timeout_errors == 2


def test_pages_of_a_late_device_are_done_when_it_is_gone(rig: DriverRig) -> None:
    """Not before: nobody may write where it still could."""
    request = rig.request(texts(2))
    rig.driver.compress(request)
    be_late(rig, request)
    rig.machine.lose(0)

    assert rig.driver.poll(request) == 0
    assert request.paths == [Path.SOFTWARE] * 2
    assert rig.stats.reasons == {"completion_timeout": 2}
    assert rig.unpacked(request, 1) == text(1)


def test_late_decompression_is_done_when_the_device_is_gone(rig: DriverRig) -> None:
    """Its pages belong to the device until then."""
    request = rig.packed_request(texts(2))
    rig.driver.decompress(request)
    be_late(rig, request)
    assert request.errors == [EINPROGRESS] * 2
    rig.machine.lose(0)

    assert rig.finish(request) == 0
    assert [rig.page(index) for index in range(2)] == texts(2)


def test_answers_before_the_end_are_kept(rig: DriverRig) -> None:
    """Only the page that was not answered is done in software."""
    request = rig.request(texts(2))
    rig.driver.compress(request)
    rig.serve()
    rig.portal.clear(request.first + 1, 1)
    be_late(rig, request)
    rig.machine.lose(0)

    assert rig.driver.poll(request) == 0
    assert request.paths == [Path.DEVICE, Path.SOFTWARE]
    assert rig.unpacked(request) == text(0)


def test_answer_that_comes_after_all_is_taken(rig: DriverRig) -> None:
    """A device that was only slow has done its work."""
    request = rig.request(texts(2))
    rig.driver.compress(request)
    be_late(rig, request)
    rig.serve()

    assert rig.driver.poll(request) == 0
    assert request.paths == [Path.DEVICE] * 2


def test_each_run_has_its_own_time(rig: DriverRig) -> None:
    """A descriptor that was just submitted is not late because others were."""
    request = rig.request(texts(6))
    rig.driver.compress(request)
    late = rig.devices[0].take()
    rig.clock.ns += OVERDUE_NS
    rig.driver.poll(request)
    rig.clock.ns = request.due_ns + 1
    rig.driver.poll(request)
    rig.clock.ns += GRACE_NS
    rig.driver.poll(request)
    assert rig.stats.total_completion_timeout_errors == 4
    rig.devices[0].run(late)
    rig.driver.poll(request)

    assert request.in_flight == 2
    assert rig.stats.total_completion_timeout_errors == 4


def test_crowd_does_not_put_off_the_limit(rig: DriverRig) -> None:
    """Whoever sleeps sees it pass before it could have passed once more."""
    rig.machine.cores = 1
    rig.machine.submitters = lambda: 72  # type: ignore[method-assign] # a crowd
    request = rig.request(texts(1))
    begun_ns = rig.clock.ns
    rig.driver.compress(request)
    while not rig.machine.ended:
        rig.driver.poll(request)
        IaaCrypto.pause(rig.driver, [request])

    assert rig.clock.ns - begun_ns <= TIMEOUT_MS * 1_000_000 + 3 * GRACE_NS


def test_request_in_flight_is_not_released(rig: DriverRig) -> None:
    """Its buffers would go to somebody else while a device writes into them."""
    request = rig.request(texts(2))
    rig.driver.compress(request)

    with pytest.raises(ValueError, match="2 pages are in flight"):
        rig.driver.release(request)


def test_request_in_flight_is_not_started_again(rig: DriverRig) -> None:
    """Nor one with more pages than it has records for."""
    request = rig.request(texts(2))
    rig.driver.compress(request)

    with pytest.raises(ValueError, match="2 in flight"):
        rig.driver.compress(request)
    rig.finish(request)
    request.pages = rig.put(texts(3))
    with pytest.raises(ValueError, match="must be up to 2"):
        rig.driver.compress(request)


def test_device_that_was_slow_is_late_at_the_limit(rig: DriverRig) -> None:
    """Whatever it took before: more than the limit nothing is expected to take."""
    request = rig.request(texts(2))
    for _ in range(100):
        rig.driver._harvest._times.learn(Operation.COMPRESS, 10 * OVERDUE_NS)
    rig.driver.compress(request)
    be_late(rig, request)

    assert rig.machine.ended == [0]


@pytest.mark.parametrize("completed_ns", [0, 1 << 62])
def test_time_that_a_device_says_is_believed_within_reason(
    rig: DriverRig, completed_ns: int
) -> None:
    """It worked for no longer than since the submission, and not for less than 0."""
    request = rig.request(texts(1))
    rig.driver.compress(request)
    rig.serve()
    rig.clock.ns += FIRST_GUESS_NS
    rig.record(request, 0)[56:64] = completed_ns.to_bytes(8, "little")
    rig.driver.poll(request)

    expected_ns = rig.driver._harvest._times.expected_ns(Operation.COMPRESS, 1)
    assert 0 <= expected_ns <= FIRST_GUESS_NS
