"""Every transform keeps the promises of mpzswap.acomp.request.Acomp."""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import get_args

import pytest

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Acomp, Path, Request
from mpzswap.codec.table import CODECS
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames
from mpzswap.topology.settings import SyncMode
from tests.tools.driver_rig import (
    NR_BUFFERS,
    DriverRig,
    Setting,
    one_queue,
    topology_of,
)
from tests.tools.fake_acomp import FakeAcomp, plain_frames
from tests.tools.zswap_rig import SAME, ZERO, noise, text

SYNC_MODES: tuple[SyncMode, ...] = get_args(SyncMode)
# Pauses and polls after which a request should have ended.
NR_ROUNDS = 200


@dataclass
class Bench:
    """A transform and the pages that it can reach."""

    acomp: Acomp
    frames: Frames

    def put(self, pages: Sequence[bytes], first: int = 0) -> list[int]:
        """Put *pages* into frames; give their addresses."""
        for index, page in enumerate(pages, first):
            self.frames.views[index][:] = page
        return self.addresses(len(pages), first)

    def addresses(self, count: int, first: int = 0) -> list[int]:
        """Give the addresses of frames."""
        return [self.frames.address_of(first + index) for index in range(count)]

    def page(self, index: int) -> bytes:
        """Give what is in a frame."""
        return bytes(self.frames.views[index])

    def request(self, pages: Sequence[bytes], first: int = 0) -> Request:
        """Give a request for *pages*, put into frames."""
        request = self.acomp.allocate(len(pages))
        request.pages = self.put(pages, first)
        return request

    def finish(self, *requests: Request) -> list[int]:
        """Poll all, and pause between, until they have ended."""
        for _ in range(NR_ROUNDS):
            pending = [r for r in requests if self.acomp.poll(r) == EAGAIN]
            if not pending:
                return [self.acomp.poll(request) for request in requests]
            self.acomp.pause(pending)
        raise AssertionError("still pending")

    def compress(self, request: Request) -> int:
        """Compress to the end."""
        return self._end(self.acomp.compress(request), request)

    def decompress(self, request: Request) -> int:
        """Decompress to the end."""
        return self._end(self.acomp.decompress(request), request)

    def _end(self, submitted: int, request: Request) -> int:
        """Give what poll gives at the end, which submission may have given already."""
        ended = self.finish(request)[0]
        assert submitted in (EINPROGRESS, ended)
        return ended


def by_devices(
    stack: ExitStack, compressor: str, devices: int, **driver: Setting
) -> Bench:
    """Give the driver, over as many devices with queues of four."""
    topology = topology_of(*[one_queue(4)] * devices, **driver)
    rig = DriverRig(stack, topology, compressor, NR_BUFFERS)
    return Bench(rig.driver, rig.frames)


def by_fake(stack: ExitStack) -> Bench:
    """Give the fake that zswap's tests use."""
    del stack
    frames = plain_frames(32)
    return Bench(FakeAcomp(frames, random.Random(3)), frames)


IMPLEMENTATIONS: dict[str, Callable[[ExitStack], Bench]] = {
    f"{name}, {count} devices": partial(by_devices, compressor=name, devices=count)
    for name, count in itertools.product(CODECS, (0, 1, 2))
}
IMPLEMENTATIONS["fake"] = by_fake
IMPLEMENTATIONS |= {
    f"{mode}, verify {verify}, {count} devices": partial(
        by_devices,
        compressor="lz4",
        devices=count,
        sync_mode=mode,
        verify_compress=verify,
    )
    for mode, verify, count in itertools.product(SYNC_MODES, (False, True), (0, 1, 2))
}


@pytest.fixture(params=list(IMPLEMENTATIONS.values()), ids=list(IMPLEMENTATIONS))
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Give each transform."""
    with ExitStack() as stack:
        yield request.param(stack)


PAGES = [text(1), ZERO, SAME, text(2), text(3), ZERO, text(4), SAME, text(5), text(6)]


@pytest.mark.parametrize("count", [1, 2, 8, 10])
def test_pages_come_back(bench: Bench, count: int) -> None:
    """Compressed, and decompressed into other frames."""
    request = bench.request(PAGES[:count])
    assert bench.compress(request) == 0
    request.pages = bench.addresses(count, first=16)
    assert bench.decompress(request) == 0

    assert [bench.page(16 + index) for index in range(count)] == PAGES[:count]


def test_errors_tell_whether_a_request_was_taken(bench: Bench) -> None:
    """Who was interrupted meanwhile knows by them what to wait for."""
    request = bench.request(PAGES[:3])
    before = list(request.errors)
    bench.acomp.compress(request)

    assert (before, len(request.errors)) == ([], 3)
    bench.finish(request)


def test_every_page_has_its_length_error_status_and_path(bench: Bench) -> None:
    """One of each for each page."""
    request = bench.request(PAGES[:3])
    bench.compress(request)

    assert all(0 < length < PAGE_SIZE for length in request.lengths)
    assert request.errors == [0, 0, 0]
    assert len(request.statuses) == len(request.lengths) == 3
    assert set(request.paths) <= {Path.DEVICE, Path.SOFTWARE}
    assert len(request.paths) == 3


def test_source_pages_are_only_read(bench: Bench) -> None:
    """Compression leaves them as they are."""
    request = bench.request(PAGES)
    bench.compress(request)

    assert [bench.page(index) for index in range(len(PAGES))] == PAGES


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_error_of_a_page_does_not_disturb_others(bench: Bench, bad: int) -> None:
    """The page has a negative errno; the others are done, and come back."""
    pages = PAGES[:3]
    pages[bad] = noise(9)
    request = bench.request(pages)
    result = bench.compress(request)
    good = [index for index in range(3) if index != bad]

    assert result == request.errors[bad] < 0
    assert [request.errors[index] for index in good] == [0, 0]
    for place in good:
        other = bench.acomp.allocate(1)
        length = request.lengths[place]
        other.buffers.views[0][:length] = request.buffers.views[place][:length]
        other.lengths, other.pages = [length], bench.addresses(1, first=20)
        assert bench.decompress(other) == 0
        assert bench.page(20) == pages[place]


def test_poll_gives_the_first_error(bench: Bench) -> None:
    """By the order of the pages, whichever failed first."""
    request = bench.request([text(1), noise(1), noise(2)])
    result = bench.compress(request)

    assert result == request.errors[1]


def test_request_that_has_ended_stays_so(bench: Bench) -> None:
    """Polls change nothing any more."""
    request = bench.request(PAGES[:2])
    bench.compress(request)
    before = list(request.lengths), list(request.errors), list(request.paths)

    assert [bench.acomp.poll(request) for _ in range(5)] == [0] * 5
    assert (request.lengths, request.errors, request.paths) == before


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_requests_may_be_polled_in_any_order(
    bench: Bench, order: tuple[int, ...]
) -> None:
    """Several in flight, more than the queue holds; each ends with its own pages."""
    requests = [bench.request(PAGES[i : i + 2], first=2 * i) for i in range(3)]
    for request in requests:
        bench.acomp.compress(request)
    assert bench.finish(*(requests[index] for index in order)) == [0, 0, 0]
    for index, request in enumerate(requests):
        request.pages = bench.addresses(2, first=16)
        assert bench.decompress(request) == 0

        assert [bench.page(16), bench.page(17)] == PAGES[index : index + 2]


def test_request_can_be_used_again(bench: Bench) -> None:
    """For other pages, fewer pages, and the other way round."""
    request = bench.request(PAGES[:4])
    for first, count in ((0, 4), (3, 2), (5, 4), (2, 1)):
        request.pages = bench.put(PAGES[first : first + count])
        assert bench.compress(request) == 0
        assert len(request.errors) == len(request.lengths) == count
        request.pages = bench.addresses(count, first=16)
        assert bench.decompress(request) == 0
        back = [bench.page(16 + index) for index in range(count)]
        assert back == PAGES[first : first + count]


def test_request_can_be_used_again_after_an_error(bench: Bench) -> None:
    """Nothing of it is left."""
    request = bench.request([noise(1), text(1)])
    assert bench.compress(request) < 0
    request.pages = bench.put(PAGES[:2])

    assert bench.compress(request) == 0
    assert request.errors == [0, 0]


def test_buffers_of_requests_are_apart(bench: Bench) -> None:
    """What one compresses is not in the other's buffers."""
    first, second = bench.request([text(1)]), bench.request([text(2)], first=1)
    bench.compress(first)
    before = bytes(first.buffers.views[0])
    bench.compress(second)

    assert bytes(first.buffers.views[0]) == before
    assert bytes(second.buffers.views[0]) != before


def test_page_is_done_again_in_software(bench: Bench) -> None:
    """Whatever a device made of it; the others of its request are left alone."""
    request = bench.request(PAGES[:3])
    bench.compress(request)
    request.pages = bench.addresses(3, first=16)
    bench.decompress(request)
    bench.put([noise(1)] * 3, first=16)
    bench.acomp.decompress_page(request, 1)

    assert [bench.page(16 + n) for n in range(3)] == [noise(1), PAGES[1], noise(1)]
    assert (request.errors, request.paths[1]) == ([0, 0, 0], Path.SOFTWARE)


def test_damaged_page_is_an_error_in_software(bench: Bench) -> None:
    """It gives no page, and says so."""
    request = bench.request(PAGES[:2])
    bench.compress(request)
    request.pages = bench.addresses(2, first=16)
    bench.decompress(request)
    request.buffers.views[0][: request.lengths[0]] = b"\xff" * request.lengths[0]
    bench.acomp.decompress_page(request, 0)

    assert request.errors[0] < 0
    assert (request.errors[1], request.paths[0]) == (0, Path.SOFTWARE)


def test_page_that_failed_is_compressed_in_software(bench: Bench) -> None:
    """It has a length then, and comes back."""
    request = bench.request([*PAGES[:1], noise(1)])
    bench.compress(request)
    bench.put(PAGES[3:4], first=1)
    bench.acomp.compress_page(request, 1)
    request.pages = bench.addresses(2, first=16)

    assert (request.errors[1], request.paths[1]) == (0, Path.SOFTWARE)
    assert bench.decompress(request) == 0
    assert bench.page(17) == PAGES[3]


def test_page_that_does_not_compress_in_software_is_an_error(bench: Bench) -> None:
    """The same as from a device."""
    request = bench.request([noise(1)])
    error = bench.compress(request)
    bench.acomp.compress_page(request, 0)

    assert request.errors == [error]


def test_capacity_is_what_was_asked_for(bench: Bench) -> None:
    """One buffer of a page for each page."""
    for capacity in (1, 8):
        request = bench.acomp.allocate(capacity)
        assert request.capacity == len(request.buffers) == capacity
        assert request.buffers.array.shape == (capacity, PAGE_SIZE)
        bench.acomp.release(request)
