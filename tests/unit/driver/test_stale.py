"""An answer that is not the request's own: an earlier one comes once more."""

from collections.abc import Iterator

import pytest

from mpzswap.acomp.request import EAGAIN, Path
from mpzswap.completion.status import Status
from tests.tools.driver_rig import DriverRig, driver_rig, one_queue
from tests.tools.zswap_rig import ZERO, noise, text

NR_PAGES = 4
PAGES = [text(seed) for seed in range(NR_PAGES)]
OTHERS = [text(seed) for seed in range(100, 100 + NR_PAGES)]


@pytest.fixture
def rig() -> Iterator[DriverRig]:
    """Give a driver of one device, which may take 100 ms."""
    with driver_rig(one_queue(), completion_timeout_ms=100) as rig:
        yield rig


def repeat(rig: DriverRig, answers: list[bytes], first: int = 0) -> None:
    """Let a device write once more what it answered before, from record *first* on."""
    at = rig.layout.records_offset + 64 * first
    rig.portal_memory[at : at + 64 * len(answers)] = b"".join(answers)


def answered(rig: DriverRig, pages: list[bytes]) -> list[bytes]:
    """Let a device compress *pages* in records that are then free; give its answers."""
    request = rig.request(pages)
    rig.driver.compress(request)
    assert rig.finish(request) in (0, -7)
    answers = [bytes(rig.record(request, page)) for page in range(len(pages))]
    rig.driver.release(request)
    rig.clock.ns += 1
    return answers


@pytest.mark.parametrize("stale", [PAGES, [noise(1)] * NR_PAGES])
def test_earlier_answers_are_not_taken(rig: DriverRig, stale: list[bytes]) -> None:
    """Success or error: the request is pending until its own come."""
    answers = answered(rig, stale)
    request = rig.request(OTHERS)
    rig.driver.compress(request)
    repeat(rig, answers)
    assert [rig.driver.poll(request) for _ in range(3)] == [EAGAIN] * 3
    assert rig.queues[0, 0].in_flight == NR_PAGES
    rig.serve()

    assert rig.driver.poll(request) == 0
    assert [rig.unpacked(request, page) for page in range(NR_PAGES)] == OTHERS


@pytest.mark.parametrize("count", [1, NR_PAGES - 1])
def test_some_earlier_answers_hold_up_their_run(rig: DriverRig, count: int) -> None:
    """A run is over when each of its records has an answer of its own."""
    answers = answered(rig, PAGES)
    request = rig.request(OTHERS)
    rig.driver.compress(request)
    rig.serve()
    repeat(rig, answers[:count])

    assert rig.driver.poll(request) == EAGAIN


def test_answer_that_comes_between_two_looks_is_not_mixed_with_an_earlier_one(
    rig: DriverRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sees the new stamp looks at the status after that."""

    def taken_ns(first: int, count: int) -> list[int]:
        rig.serve()
        return seen(first, count)

    seen = rig.portal.taken_ns
    answers = answered(rig, [noise(1)] * NR_PAGES)
    request = rig.request(OTHERS)
    rig.driver.compress(request)
    repeat(rig, answers)
    monkeypatch.setattr(rig.portal, "taken_ns", taken_ns)

    assert rig.driver.poll(request) == 0
    assert [rig.unpacked(request, page) for page in range(NR_PAGES)] == OTHERS


def test_earlier_answer_is_none_of_a_dead_device(rig: DriverRig) -> None:
    """What it has not answered is done in software, what it has is taken."""
    answers = answered(rig, PAGES)
    request = rig.request(OTHERS)
    rig.driver.compress(request)
    rig.serve()
    repeat(rig, answers[1:3], first=1)
    rig.machine.lose(0)
    rig.clock.ns += 1_000_000

    assert rig.finish(request) == 0
    assert request.paths == [Path.DEVICE, Path.SOFTWARE, Path.SOFTWARE, Path.DEVICE]
    assert rig.stats.reasons == {"device_died": 2}
    assert [rig.unpacked(request, page) for page in range(NR_PAGES)] == OTHERS


def test_answer_over_which_an_earlier_one_was_written_is_late(rig: DriverRig) -> None:
    """It is gone for good: the limit ends the wait, and no page is lost."""
    answers = answered(rig, PAGES)
    request = rig.request(OTHERS)
    rig.driver.compress(request)
    rig.serve()
    repeat(rig, answers)
    for _ in range(200):
        rig.clock.ns += 1_000_000
        rig.driver.poll(request)
    assert rig.machine.ended == [0]
    rig.machine.lose(0)

    assert rig.driver.poll(request) == 0
    assert rig.stats.reasons == {"completion_timeout": NR_PAGES}


def test_earlier_answer_verifies_nothing() -> None:
    """The CRC is that of the compression; it says nothing of its stream."""
    with driver_rig(one_queue(), verify_compress=True) as rig:
        request = rig.request(PAGES[:1])
        rig.driver.compress(request)
        rig.serve()
        answer = bytes(rig.record(request, 0))
        rig.clock.ns += 1
        assert rig.driver.poll(request) == EAGAIN
        rig.pack(request, 0, rig.codec.compress(memoryview(PAGES[1])))
        repeat(rig, [answer])
        assert rig.driver.poll(request) == EAGAIN
        rig.serve()

        assert rig.driver.poll(request) != 0
        assert rig.stats.reasons == {"verify_compress": 1}


def test_earlier_answer_is_no_decompression(rig: DriverRig) -> None:
    """The frame still has something else in it."""
    request = rig.packed_request(PAGES)
    rig.driver.decompress(request)
    rig.finish(request)
    answers = [bytes(rig.record(request, page)) for page in range(NR_PAGES)]
    rig.clock.ns += 1
    rig.put([ZERO] * NR_PAGES)
    rig.driver.decompress(request)
    repeat(rig, answers)
    assert rig.driver.poll(request) == EAGAIN
    rig.serve()

    assert rig.driver.poll(request) == 0
    assert [rig.page(page) for page in range(NR_PAGES)] == PAGES


def test_own_answer_that_comes_twice_is_taken_once(rig: DriverRig) -> None:
    """The second is the same as the first."""
    request = rig.request(PAGES)
    rig.driver.compress(request)
    rig.serve()
    repeat(rig, [bytes(rig.record(request, page)) for page in range(NR_PAGES)])

    assert rig.driver.poll(request) == 0
    assert rig.stats.device_pages == NR_PAGES
    assert request.statuses == [Status.SUCCESS] * NR_PAGES
