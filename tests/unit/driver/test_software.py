"""Software does what a device would have done, and has the device's errors."""

import errno
from collections.abc import Iterator

import pytest

from mpzswap.acomp.request import Path
from mpzswap.driver.request import IaaRequest
from mpzswap.driver.software import Software
from mpzswap.page.frame import PAGE_SIZE
from tests.tools.driver_rig import DriverRig, driver_rig
from tests.tools.zswap_rig import noise, text


@pytest.fixture
def rig() -> Iterator[DriverRig]:
    """Give memory and buffers; there are no devices."""
    with driver_rig() as rig:
        yield rig


def software(rig: DriverRig) -> Software:
    """Give the software of the rig's driver."""
    return rig.driver.software


def ready(request: IaaRequest) -> IaaRequest:
    """Give the request with room for one result."""
    request.errors, request.paths = [1], [Path.NONE]
    request.lengths = request.lengths or [0]
    return request


def test_page_is_compressed_into_its_buffer(rig: DriverRig) -> None:
    """Length, error and path are the page's."""
    request = ready(rig.request([text(1)]))
    software(rig).compress(request, 0)

    assert (request.errors, request.paths) == ([0], [Path.SOFTWARE])
    assert rig.unpacked(request) == text(1)


def test_page_is_decompressed_where_it_belongs(rig: DriverRig) -> None:
    """The whole page is written."""
    request = ready(rig.packed_request([text(2)], first=3))
    software(rig).decompress(request, 0)

    assert (request.errors, request.paths) == ([0], [Path.SOFTWARE])
    assert rig.page(3) == text(2)


def test_page_that_does_not_compress_is_too_big(rig: DriverRig) -> None:
    """Nothing is written, and the length stays 0."""
    request = ready(rig.request([noise(1)]))
    software(rig).compress(request, 0)

    assert (request.errors, request.lengths) == ([-errno.E2BIG], [0])
    assert bytes(request.buffers.views[0]) == bytes(PAGE_SIZE)


@pytest.mark.parametrize("operation", ["compress", "decompress"])
def test_page_outside_is_a_fault(rig: DriverRig, operation: str) -> None:
    """As the device would have had one."""
    request = ready(rig.packed_request([text(1)]))
    request.pages = [99 << 40]
    getattr(software(rig), operation)(request, 0)

    assert request.errors == [-errno.EFAULT]


@pytest.mark.parametrize("size", [0, 1, PAGE_SIZE - 1, PAGE_SIZE + 1])
def test_stream_of_another_length_is_invalid(rig: DriverRig, size: int) -> None:
    """What is not a page is not put into one."""
    request = ready(rig.packed_request([text(1)]))
    rig.pack(request, 0, rig.codec.compress(memoryview(bytes(size))))
    before = rig.page(0)
    software(rig).decompress(request, 0)

    assert request.errors == [-errno.EINVAL]
    assert rig.page(0) == before


def test_corrupt_stream_is_invalid(rig: DriverRig) -> None:
    """There is no page to be had from it."""
    request = ready(rig.packed_request([text(1)]))
    rig.pack(request, 0, b"\xff" * 100)
    software(rig).decompress(request, 0)

    assert request.errors == [-errno.EINVAL]
