"""The fake transform keeps the promises of the real one."""

import errno

import pytest

from mpzswap.acomp.request import EAGAIN, EINPROGRESS, Path, Request
from mpzswap.errors import MpzswapError
from tests.tools.fake_acomp import FakeAcomp, garbled, plain_frames
from tests.tools.zswap_rig import ZERO, noise, text


def fake_with(*pages: bytes) -> tuple[FakeAcomp, Request]:
    """Give a fake with *pages* in its frames, and a request for all of them."""
    fake = FakeAcomp(plain_frames(2 * len(pages)))
    request = fake.allocate(len(pages))
    for index, page in enumerate(pages):
        fake.frames.views[index][:] = page
    request.pages = [fake.frames.address_of(index) for index in range(len(pages))]
    return fake, request


def test_round_trip_gives_the_pages() -> None:
    """What is compressed can be decompressed into other frames."""
    fake, request = fake_with(text(1), ZERO)

    assert fake.compress(request) == EINPROGRESS
    fake.pause([request])
    assert fake.poll(request) == 0
    request.pages = [fake.frames.address_of(index) for index in (3, 2)]
    assert fake.decompress(request) == EINPROGRESS
    fake.pause([request])
    assert fake.frames.views[3] == text(1)
    assert fake.frames.views[2] == ZERO


def test_pending_request_says_so_until_it_ends() -> None:
    """Polls give -EAGAIN for a while, then the end, again and again."""
    fake, request = fake_with(text(1))
    fake.coin.seed(1)
    fake.compress(request)
    polls = [fake.poll(request) for _ in range(30)]

    assert polls == sorted(polls)
    assert (polls[0], polls[-1]) == (EAGAIN, 0)


def test_errors_are_those_of_single_pages() -> None:
    """An injected error and an overflow hit their page; the rest is done."""
    fake, request = fake_with(text(0), noise(1), text(2))
    fake.compress_errors = {0: -errno.EIO}
    fake.software = {2}
    fake.compress(request)
    fake.pause([request])

    assert request.errors == [-errno.EIO, -errno.ENOSPC, 0]
    assert request.paths == [Path.DEVICE, Path.DEVICE, Path.SOFTWARE]
    assert fake.poll(request) == -errno.EIO


def test_injected_decompress_error_names_its_frame() -> None:
    """The frame that was to be filled decides, and is left alone."""
    fake, request = fake_with(text(0))
    fake.decompress_errors = {0: -errno.EIO}
    request.lengths = [10]
    fake.decompress(request)
    fake.pause([request])

    assert request.errors == [-errno.EIO]
    assert fake.frames.views[0] == text(0)


def test_wrong_pages_are_those_of_devices() -> None:
    """Another page, and no error; single pages are done by software, and right."""
    fake, request = fake_with(text(0), text(1))
    fake.wrong_compress, fake.wrong_decompress = {0}, {3}
    fake.compress(request)
    fake.pause([request])
    request.pages = [fake.frames.address_of(index) for index in (2, 3)]
    fake.decompress(request)
    fake.pause([request])

    assert request.errors == [0, 0]
    assert fake.frames.views[2] == garbled(text(0)) != text(0)
    assert fake.frames.views[3] == garbled(text(1))
    fake.decompress_page(request, 1)
    assert fake.frames.views[3] == text(1)
    assert (fake.done_in_software, request.paths[1]) == ([3], Path.SOFTWARE)


def test_stream_that_is_none_is_invalid() -> None:
    """As from the software of the driver."""
    fake, request = fake_with(text(0))
    request.lengths = [10]
    fake.decompress(request)
    fake.pause([request])

    assert request.errors == [-errno.EINVAL]


def test_requests_run_out() -> None:
    """There are as many as the test says."""
    fake = FakeAcomp(plain_frames(1), max_requests=1)
    fake.allocate(1)

    with pytest.raises(MpzswapError, match="1 requests"):
        fake.allocate(1)
