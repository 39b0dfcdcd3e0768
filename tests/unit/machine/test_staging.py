"""What becomes of a page that devices have not compressed."""

import errno
from collections.abc import Iterator

import pytest

from mpzswap.acomp.request import Path
from mpzswap.machine.packed import Packed, Packing
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.page.mix import generate
from tests.tools.submitter_rig import COMPRESSOR, SubmitterRig, submitter_rig

TEXT = generate("text", 1, seed=1)
NOISE = generate("random", 1, seed=1)


@pytest.fixture
def rig() -> Iterator[SubmitterRig]:
    """Give a submitter of one device."""
    with submitter_rig() as made:
        yield made


def packed_after(rig: SubmitterRig, pages: Pages, error: int, length: int) -> Packed:
    """Give what is packed of a page that ended so."""
    request = rig.rig.driver.allocate(1)
    rig.staging.place(request, pages)
    request.errors, request.lengths = [error], [length]
    request.statuses, request.paths = [0], [int(Path.DEVICE)]
    packing = Packing(COMPRESSOR, 1, 1)
    rig.staging.pack(packing, request, 0, rig.rig.driver)
    return packing.done()


@pytest.mark.parametrize("error", [errno.ETIMEDOUT, errno.ENODEV, errno.EINVAL])
def test_page_that_devices_could_not_do_is_done_in_software(
    rig: SubmitterRig, error: int
) -> None:
    """A full queue says nothing about the page: it still compresses."""
    packed = packed_after(rig, TEXT, -error, 0)

    assert packed.path.tolist() == [Path.SOFTWARE]
    assert packed.lengths[0] < PAGE_SIZE
    assert rig.rig.codec.decompress(packed[0], PAGE_SIZE) == TEXT.tobytes()
    assert rig.rig.stats.total_sw_comp_calls == 1


def test_page_that_software_cannot_compress_either_is_raw(rig: SubmitterRig) -> None:
    """Its bytes are the page's."""
    packed = packed_after(rig, NOISE, -errno.ENODEV, 0)

    assert packed.path.tolist() == [Path.RAW]
    assert bytes(packed[0]) == NOISE.tobytes()


@pytest.mark.parametrize(
    ("error", "length"), [(errno.E2BIG, 0), (errno.ENOSPC, 0), (0, PAGE_SIZE), (0, 0)]
)
def test_page_that_does_not_get_smaller_is_raw(
    rig: SubmitterRig, error: int, length: int
) -> None:
    """That is an answer, and nobody is asked again."""
    packed = packed_after(rig, TEXT, -error, length)

    assert packed.path.tolist() == [Path.RAW]
    assert bytes(packed[0]) == TEXT.tobytes()
