"""verify_compress: each compression is undone by a device, and its CRC compared."""

import errno
from collections.abc import Iterator

import pytest

from mpzswap.acomp.checksum import checksum
from mpzswap.acomp.request import EAGAIN, Path
from mpzswap.codec.contract import Codec
from mpzswap.completion.status import Status
from mpzswap.driver.verify import stretches
from tests.tools.driver_rig import ROUND_NS, DriverRig, driver_rig, one_queue
from tests.tools.zswap_rig import noise, text

PAGES = [text(seed) for seed in range(6)]


@pytest.fixture
def rig() -> Iterator[DriverRig]:
    """Give a driver that verifies, over a device with a queue of four."""
    with driver_rig(one_queue(4), verify_compress=True) as rig:
        yield rig


def test_page_is_pending_until_it_is_verified(rig: DriverRig) -> None:
    """Its compression alone does not end it."""
    request = rig.request(PAGES[:1])
    rig.driver.compress(request)
    rig.serve()
    assert rig.driver.poll(request) == EAGAIN
    assert rig.queues[0, 0].stats.verify_calls == 1
    rig.serve()

    assert rig.driver.poll(request) == 0
    assert rig.unpacked(request) == PAGES[0]


def test_verification_writes_nothing(rig: DriverRig) -> None:
    """Its output is suppressed: the page may be changed meanwhile."""
    request = rig.request(PAGES[:1])
    rig.driver.compress(request)
    rig.serve()
    rig.driver.poll(request)
    rig.put([noise(1)])
    rig.serve()

    assert rig.driver.poll(request) == 0
    assert rig.page(0) == noise(1)


def test_every_compressed_page_is_verified_once(rig: DriverRig) -> None:
    """More than the queue holds; one that did not compress is not."""
    request = rig.request([*PAGES[:3], noise(1), *PAGES[3:]])
    rig.driver.compress(request)

    assert rig.finish(request) == -errno.E2BIG
    assert request.errors == [0, 0, 0, -errno.E2BIG, 0, 0, 0]
    assert rig.queues[0, 0].stats.verify_calls == 6
    assert rig.queues[0, 0].stats.comp_calls == 7
    assert rig.queues[0, 0].stats.decomp_calls == rig.stats.total_decomp_calls == 0


def test_verification_goes_to_the_queue_that_compressed() -> None:
    """As in the kernel: its device's work is what is doubted."""
    with driver_rig(one_queue(), one_queue(), verify_compress=True) as rig:
        request = rig.request(PAGES[:3])
        rig.driver.compress(request)
        rig.finish(request)
        stats = [rig.queues[device, 0].stats for device in (0, 1)]

    assert [(each.comp_calls, each.verify_calls) for each in stats] == [(2, 2), (1, 1)]


def test_wrong_stream_is_the_error_of_its_page(rig: DriverRig) -> None:
    """Another page's stream in the buffer: -EINVAL there, and nowhere else."""
    request = rig.request(PAGES[:3])
    rig.driver.compress(request)
    rig.serve()
    rig.pack(request, 1, rig.codec.compress(memoryview(PAGES[5])))

    assert rig.finish(request) == -errno.EINVAL
    assert request.errors == [0, -errno.EINVAL, 0]
    assert request.lengths[1] == 0
    assert rig.stats.reasons == {"verify_compress": 1}
    # No completion said so: the two CRCs differ.
    assert rig.stats.total_completion_einval_errors == 0
    assert rig.stats.device_pages == 2
    assert rig.stats.total_comp_bytes_out == request.lengths[0] + request.lengths[2]


def test_damaged_stream_is_the_error_of_its_page(rig: DriverRig) -> None:
    """One that no decompressor takes."""
    request = rig.request(PAGES[:2])
    rig.driver.compress(request)
    rig.serve()
    rig.driver.poll(request)
    request.buffers.views[0][: request.lengths[0]] = b"\xff" * request.lengths[0]
    rig.finish(request)

    assert request.errors == [-errno.EINVAL, 0]
    assert rig.stats.total_completion_einval_errors == 1
    assert rig.stats.reasons == {"verify_compress": 1}


def test_codec_that_loses_bytes_is_found_out(rig: DriverRig) -> None:
    """A device whose streams are well-formed and of another page."""
    codec: Codec = rig.devices[0].engine._codec
    honest = codec.compress

    def compress(data: memoryview) -> bytes:
        return honest(memoryview(bytes(data[:-1]) + b"?"))

    codec.compress = compress  # type: ignore[method-assign]
    request = rig.request(PAGES[:2])
    rig.driver.compress(request)

    assert rig.finish(request) == -errno.EINVAL
    assert request.errors == [-errno.EINVAL] * 2


def test_device_that_read_another_page_is_found_out(rig: DriverRig) -> None:
    """Its CRC fits what it read; the caller's checksum does not."""
    request = rig.request(PAGES[:2])
    request.checksums = [checksum(page) for page in PAGES[:2]]
    rig.driver.compress(request)
    rig.put([PAGES[5]])
    rig.finish(request)

    assert request.errors == [-errno.EINVAL, 0]
    assert rig.stats.reasons == {"verify_compress": 1}


def test_caller_without_checksums_is_told_what_the_device_read(rig: DriverRig) -> None:
    """As in the kernel, which has no other CRC."""
    request = rig.request(PAGES[:1])
    rig.driver.compress(request)
    rig.put([PAGES[5]])

    assert rig.finish(request) == 0


def test_without_verify_compress_a_wrong_stream_is_taken() -> None:
    """It is off by default: patch 06 of the series."""
    with driver_rig(one_queue()) as rig:
        request = rig.request(PAGES[:1])
        rig.driver.compress(request)
        rig.serve()
        rig.pack(request, 0, rig.codec.compress(memoryview(PAGES[5])))

        assert rig.finish(request) == 0
        assert rig.queues[0, 0].stats.verify_calls == 0


def test_full_queue_lets_verification_wait(rig: DriverRig) -> None:
    """The page stays pending, and is verified when there is room."""
    request = rig.request(PAGES[:2])
    rig.driver.compress(request)
    rig.serve()
    rig.occupy(4 + 2)
    assert rig.poll_later(request) == EAGAIN
    assert rig.queues[0, 0].stats.verify_calls == 0
    rig.occupy(0)

    assert rig.finish(request) == 0
    assert request.paths == [Path.DEVICE] * 2


def test_pages_that_no_device_verifies_are_compressed_in_software(
    rig: DriverRig,
) -> None:
    """The device died when it had compressed them."""
    request = rig.request(PAGES[:2])
    rig.driver.compress(request)
    rig.serve()
    rig.driver.poll(request)
    rig.machine.lose(0)
    rig.clock.ns += 100 * ROUND_NS

    assert rig.driver.poll(request) == 0
    assert request.paths == [Path.SOFTWARE] * 2
    assert rig.stats.reasons == {"device_died": 2}
    assert rig.unpacked(request, 1) == PAGES[1]


def test_pages_that_wait_for_verification_survive_their_device(
    rig: DriverRig,
) -> None:
    """It died before they found a place."""
    request = rig.request(PAGES[:2])
    rig.driver.compress(request)
    rig.serve()
    rig.occupy(4 + 2)
    assert rig.poll_later(request) == EAGAIN
    rig.machine.lose(0)

    assert rig.poll_later(request) == 0
    assert request.paths == [Path.SOFTWARE] * 2
    assert rig.stats.reasons == {"device_died": 2}


def test_verification_gives_up_after_its_retries() -> None:
    """decomp_alloc_retries: it is a decompression that finds no place."""
    with driver_rig(one_queue(), verify_compress=True, decomp_alloc_retries=2) as rig:
        request = rig.request(PAGES[:1])
        rig.driver.compress(request)
        rig.serve()
        rig.occupy(8 + 1)
        polls = [rig.poll_later(request) for _ in range(3)]

        assert polls == [EAGAIN, EAGAIN, 0]
        assert rig.stats.reasons == {"queue_full": 1}
        assert request.paths == [Path.SOFTWARE]


def test_request_is_in_flight_while_it_is_verified(rig: DriverRig) -> None:
    """It cannot be given back, nor begun anew."""
    request = rig.request(PAGES[:1])
    rig.driver.compress(request)
    rig.serve()
    rig.driver.poll(request)
    with pytest.raises(ValueError, match="in flight"):
        rig.driver.release(request)
    with pytest.raises(ValueError, match="in flight"):
        rig.driver.compress(request)
    rig.finish(request)
    rig.driver.release(request)


def test_request_whose_verification_waits_is_in_flight(rig: DriverRig) -> None:
    """Though nothing of it is in a queue."""
    request = rig.request(PAGES[:1])
    rig.driver.compress(request)
    rig.serve()
    rig.occupy(4 + 1)
    assert rig.driver.poll(request) == EAGAIN
    assert (request.runs, len(request.unverified)) == ([], 1)
    with pytest.raises(ValueError, match="in flight"):
        rig.driver.release(request)
    with pytest.raises(ValueError, match="in flight"):
        rig.driver.compress(request)


def test_interrupted_verification_is_tried_again(
    rig: DriverRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C before it was published: it has no place, and waits for one."""
    request = rig.request(PAGES[:2])
    rig.driver.compress(request)
    rig.serve()

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rig.queues[0, 0].lane, "publish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            rig.driver.poll(request)
    assert rig.queues[0, 0].occupancy.try_take(4, 2) == 4
    rig.queues[0, 0].occupancy.settle(2)

    assert rig.finish(request) == 0
    assert rig.queues[0, 0].stats.verify_calls == 2


def test_verification_rings_a_device_that_sleeps(rig: DriverRig) -> None:
    """It would not be done before something else is."""
    rung: list[int] = []
    queue = rig.queues[0, 0]
    queue.doorbell.ring = lambda: rung.append(queue.lane.published)  # type: ignore[method-assign]
    request = rig.request(PAGES[:1])
    rig.driver.compress(request)
    rig.serve()
    rig.driver.poll(request)

    assert rung == [1, 2]


def test_answers_of_verification_are_not_those_of_compression(rig: DriverRig) -> None:
    """The record is used twice: what is left in it counts for nothing."""
    request = rig.request(PAGES[:1])
    rig.driver.compress(request)
    rig.serve()
    polls = [rig.driver.poll(request) for _ in range(3)]
    assert polls == [EAGAIN] * 3
    rig.answer(request, 0, Status.ANALYTICS_ERROR)

    assert rig.driver.poll(request) == -errno.EINVAL


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        ([], []),
        ([0], [(0, 1)]),
        ([0, 1, 2], [(0, 3)]),
        ([3, 5, 6, 9], [(3, 4), (5, 7), (9, 10)]),
    ],
)
def test_stretches_are_what_adjoins(
    positions: list[int], expected: list[tuple[int, int]]
) -> None:
    """Each goes into the queue as one."""
    assert list(stretches(positions)) == expected
