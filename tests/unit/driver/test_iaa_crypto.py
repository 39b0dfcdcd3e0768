"""What the driver makes of the answers, and what it counts."""

import errno
from collections.abc import Iterator

import pytest

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Path, Request
from mpzswap.completion.status import ErrorCode, Status
from mpzswap.driver.estimate import FIRST_GUESS_NS
from mpzswap.page.frame import PAGE_SIZE
from tests.tools.driver_rig import DriverRig, driver_rig, one_queue
from tests.tools.zswap_rig import ZERO, noise, text


@pytest.fixture
def rig() -> Iterator[DriverRig]:
    """Give a driver of one device with a queue of eight."""
    with driver_rig(one_queue(8)) as rig:
        yield rig


@pytest.mark.parametrize("count", [1, 2, 8, 9, 30])
def test_pages_come_back(rig: DriverRig, count: int) -> None:
    """N pages, compressed and decompressed by devices; more than a queue holds, too."""
    pages = [text(seed) for seed in range(count)]
    request = rig.request(pages)
    assert rig.driver.compress(request) == EINPROGRESS
    assert rig.finish(request) == 0
    assert request.paths == [Path.DEVICE] * count
    rig.put([ZERO] * count)
    assert rig.driver.decompress(request) == EINPROGRESS
    assert rig.finish(request) == 0

    assert request.errors == [0] * count
    assert request.statuses == [Status.SUCCESS] * count
    assert request.paths == [Path.DEVICE] * count
    assert [rig.page(index) for index in range(count)] == pages


def test_length_is_that_of_the_stream(rig: DriverRig) -> None:
    """Each page its own."""
    request = rig.request([text(1), ZERO])
    rig.driver.compress(request)
    rig.finish(request)
    streams = [rig.codec.compress(memoryview(page)) for page in (text(1), ZERO)]

    assert request.lengths == [len(stream) for stream in streams]
    assert bytes(request.buffers.views[0][: len(streams[0])]) == streams[0]


def test_request_is_pending_until_all_are_answered(rig: DriverRig) -> None:
    """One answer of two is not the end of it."""
    request = rig.request([text(1), text(2)])
    rig.driver.compress(request)
    assert rig.driver.poll(request) == EAGAIN
    rig.answer(request, 0, Status.SUCCESS)
    assert rig.driver.poll(request) == EAGAIN
    rig.answer(request, 1, Status.SUCCESS)

    assert rig.driver.poll(request) == 0
    assert rig.driver.poll(request) == 0


def test_places_are_free_when_the_device_has_taken(rig: DriverRig) -> None:
    """A request that nobody polls does not hold a queue up for the others."""
    unpolled = rig.request([text(seed) for seed in range(8)])
    rig.driver.compress(unpolled)
    rig.serve()
    other = rig.request([text(9)], first=8)
    rig.driver.compress(other)

    assert other.waiting == 0
    assert rig.finish(other) == 0
    assert rig.finish(unpolled) == 0


def test_runs_end_one_by_one() -> None:
    """A device that has answered does not wait for a slower one."""
    with driver_rig(one_queue(), one_queue()) as rig:
        request = rig.request([text(1), text(2)])
        rig.driver.compress(request)
        rig.answer(request, 0, Status.SUCCESS)

        assert rig.driver.poll(request) == EAGAIN
        assert rig.queues[0, 0].in_flight == 0
        assert rig.queues[1, 0].in_flight == 1
        assert request.errors == [0, EINPROGRESS]


def test_page_that_does_not_compress_is_too_big(rig: DriverRig) -> None:
    """The others are done; it is counted as an overflow and not by its bytes."""
    request = rig.request([text(1), noise(2), text(3)])
    rig.driver.compress(request)

    assert rig.finish(request) == -errno.E2BIG
    assert request.errors == [0, -errno.E2BIG, 0]
    assert request.lengths[1] == 0
    assert request.statuses[1] == Status.ANALYTICS_ERROR
    assert rig.stats.total_completion_comp_buf_overflow_errors == 1
    assert rig.stats.reasons == {"comp_buf_overflow": 1}


@pytest.mark.parametrize(
    ("status", "error", "counter"),
    [
        (Status.HW_ERR1, -errno.EINVAL, "total_completion_einval_errors"),
        (Status.WATCHDOG, -errno.ETIMEDOUT, "total_completion_timeout_errors"),
    ],
)
def test_error_of_compression_is_the_pages(
    rig: DriverRig, status: Status, error: int, counter: str
) -> None:
    """There is no falling back: the page can be kept as it is."""
    request = rig.request([text(1), text(2)])
    rig.driver.compress(request)
    rig.answer(request, 0, status)
    rig.answer(request, 1, Status.SUCCESS)

    assert rig.driver.poll(request) == error
    assert request.errors == [error, 0]
    assert getattr(rig.stats, counter) == 1
    assert rig.stats.reasons == {f"status_{status:#04x}": 1}
    assert rig.stats.total_sw_comp_calls == 0


def test_page_that_devices_do_not_see_is_invalid(rig: DriverRig) -> None:
    """A page fault of the device is the page's -EINVAL."""
    request = rig.request([text(1), text(2)])
    request.pages = [request.pages[0], 99 << 40]
    rig.driver.compress(request)
    rig.finish(request)

    assert request.errors == [0, -errno.EINVAL]
    assert request.statuses == [Status.SUCCESS, Status.PAGE_FAULT_IR]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.ANALYTICS_ERROR, "status_0x0a"),
        (Status.OUTBUF_OVERFLOW, "status_0x0b"),
        (Status.HW_ERR1, "status_0x20"),
    ],
)
def test_error_of_decompression_falls_back(
    rig: DriverRig, status: Status, reason: str
) -> None:
    """The page is had all the same, and counted as software's and by the reason."""
    request = rig.packed_request([text(1), text(2)])
    rig.driver.decompress(request)
    rig.serve()
    rig.answer(request, 0, status, ErrorCode.CORRUPT_STREAM)
    rig.frames.array[0] = 0

    assert rig.driver.poll(request) == 0
    assert rig.page(0) == text(1)
    assert request.paths == [Path.SOFTWARE, Path.DEVICE]
    assert rig.stats.total_sw_decomp_calls == 1
    assert rig.stats.reasons == {reason: 1}
    assert rig.stats.total_decomp_bytes_in == request.lengths[1]


def test_corrupt_stream_ends_in_an_error_of_its_page(rig: DriverRig) -> None:
    """Neither device nor software has it; its neighbour is done."""
    request = rig.packed_request([text(1), text(2)])
    rig.pack(request, 0, b"\xff" * 50)
    rig.driver.decompress(request)

    assert rig.finish(request) == -errno.EINVAL
    assert request.errors == [-errno.EINVAL, 0]
    assert request.paths == [Path.SOFTWARE, Path.DEVICE]
    assert rig.page(1) == text(2)


def test_short_page_is_no_success(rig: DriverRig) -> None:
    """A stream of less than a page fills no page, though the device says success."""
    request = rig.packed_request([text(1)])
    rig.pack(request, 0, rig.codec.compress(memoryview(bytes(100))))
    rig.driver.decompress(request)

    assert rig.finish(request) == -errno.EINVAL
    assert rig.stats.reasons == {"decompressed_size": 1}
    assert rig.stats.total_decomp_bytes_in == 0


def test_bytes_are_those_of_success_alone(rig: DriverRig) -> None:
    """The compressed side both ways, in the driver's counters and the queue's."""
    request = rig.request([text(1), noise(2)])
    rig.driver.compress(request)
    rig.finish(request)
    back = rig.packed_request([text(1), text(2)])
    rig.pack(back, 1, b"\xff" * 50)
    rig.driver.decompress(back)
    rig.finish(back)
    stats, queue = rig.stats, rig.queues[0, 0].stats

    assert stats.total_comp_bytes_out == queue.comp_bytes == request.lengths[0]
    assert stats.total_decomp_bytes_in == queue.decomp_bytes == back.lengths[0]


def test_calls_are_descriptors_submitted(rig: DriverRig) -> None:
    """By operation, whatever came of them."""
    request = rig.request([text(1), noise(2)])
    rig.driver.compress(request)
    rig.finish(request)
    back = rig.packed_request([text(1), text(2), text(3)])
    rig.driver.decompress(back)
    rig.finish(back)
    stats, queue = rig.stats, rig.queues[0, 0].stats

    assert stats.total_comp_calls == queue.comp_calls == 2
    assert stats.total_decomp_calls == queue.decomp_calls == 3
    assert queue.max_occupancy == 3


def test_released_buffers_can_be_had_again(rig: DriverRig) -> None:
    """All of them."""
    requests = [rig.driver.allocate(16) for _ in range(4)]
    for request in requests:
        rig.driver.release(request)

    assert rig.driver.allocate(64).capacity == 64


def test_foreign_request_is_refused(rig: DriverRig) -> None:
    """A request belongs to the transform that made it."""
    foreign = Request(rig.frames.part(0, 1))

    with pytest.raises(TypeError, match="Request, must be of this driver"):
        rig.driver.compress(foreign)


def test_pause_spins_where_a_core_is_to_spare(rig: DriverRig) -> None:
    """Two submitters, one busy device, sixty-four cores."""
    request = rig.request([text(1)])
    rig.driver.compress(request)
    rig.driver.pause([request])

    assert rig.clock.sleeps == []


@pytest.mark.parametrize(("cores", "sleeps"), [(2, 1), (3, 0)])
def test_pause_sleeps_where_devices_need_the_core(
    rig: DriverRig, cores: int, sleeps: int
) -> None:
    """Two submitters and one busy device are three processes."""
    rig.machine.cores = cores
    request = rig.request([text(seed) for seed in range(4)])
    rig.driver.compress(request)
    rig.driver.pause([request])

    assert rig.clock.sleeps == [4 * FIRST_GUESS_NS] * sleeps


def test_device_that_has_nothing_to_do_is_not_of_the_crowd() -> None:
    """It sleeps, and needs no core."""
    with driver_rig(one_queue(), one_queue()) as rig:
        rig.machine.cores = 2
        rig.driver.compress(rig.request([text(1)]))

        assert rig.driver._submission.crowd() == 1.5


def test_pause_is_until_the_first_request_is_due(rig: DriverRig) -> None:
    """Whichever of them that is; those done already do not count."""
    rig.machine.cores = 1
    done, first, last = (rig.request([text(i)] * 3, first=3 * i) for i in range(3))
    rig.driver.compress(done)
    rig.finish(done)
    rig.driver.compress(last)
    rig.clock.ns += 1_000
    rig.driver.compress(first)
    now_ns = rig.clock.ns
    rig.driver.pause([first, last])

    assert len(rig.clock.sleeps) == 1
    assert now_ns + rig.clock.sleeps[0] <= min(first.due_ns, last.due_ns)


def test_estimate_is_learnt_from_the_stamps(rig: DriverRig) -> None:
    """How long devices worked, not how late we looked."""
    request = rig.request([text(1)])
    for _ in range(100):
        rig.driver.compress(request)
        rig.serve()
        rig.clock.ns += 5_000_000
        rig.driver.poll(request)
    rig.driver.compress(request)

    assert request.due_ns - rig.clock.ns < FIRST_GUESS_NS // 10


def test_request_smaller_than_its_capacity_touches_no_more(rig: DriverRig) -> None:
    """Records and buffers of pages that are not there stay as they are."""
    request = rig.driver.allocate(4)
    request.pages = rig.put([text(1)])
    rig.driver.compress(request)
    rig.finish(request)

    assert len(request.lengths) == len(request.errors) == 1
    assert rig.portal.statuses(request.first, 4) == bytes([1, 0, 0, 0])
    assert bytes(request.buffers.views[1]) == bytes(PAGE_SIZE)


def test_page_that_came_back_different_is_softwares(rig: DriverRig) -> None:
    """The device said success; it is no success of its any more, and says why."""
    request = rig.packed_request([text(1), text(2)])
    rig.driver.decompress(request)
    rig.finish(request)
    rig.put([noise(1)])
    rig.driver.decompress_page(request, 0)

    assert (rig.page(0), request.errors) == (text(1), [0, 0])
    assert request.paths == [Path.SOFTWARE, Path.DEVICE]
    stats = rig.stats
    assert (stats.device_pages, stats.total_sw_decomp_calls) == (1, 1)
    assert stats.reasons == {"checksum": 1}
    assert stats.total_decomp_calls == 2


def test_page_that_software_had_done_is_taken_from_no_device(rig: DriverRig) -> None:
    """It never was in a device's books."""
    request = rig.packed_request([text(1)])
    rig.driver.decompress(request)
    rig.answer(request, 0, Status.OUTBUF_OVERFLOW)
    assert rig.driver.poll(request) == 0
    rig.driver.decompress_page(request, 0)

    assert (rig.stats.device_pages, rig.stats.total_sw_decomp_calls) == (0, 2)
