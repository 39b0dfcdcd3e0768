"""Many pages at once: what comes back is what was compressed, or an error names it."""

import dataclasses
import errno
import zlib
from collections.abc import Iterator

import numpy as np
import pytest

from mpzswap.acomp.pipeline import Shape
from mpzswap.acomp.request import Path
from mpzswap.errors import CorruptStreamError
from mpzswap.machine.bulk import MIN_REQUEST_PAGES, Bulk, even_run
from mpzswap.machine.packed import Packed
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.page.mix import generate
from tests.tools.submitter_rig import SubmitterRig, submitter_rig

TEXT = generate("text", 10, seed=1)
NOISE = generate("random", 2, seed=1)
# The last two are kept as they were.
PAGES = np.concatenate([TEXT, NOISE])


@pytest.fixture
def rig() -> Iterator[SubmitterRig]:
    """Give a submitter of one device."""
    with submitter_rig() as made:
        yield made


class BulkInto(Bulk):
    """Bulk whose user wants pages in memory that devices see, or in any other."""

    shared: Pages | None = None


def bulk_of(rig: SubmitterRig, where: str = "any memory") -> BulkInto:
    """Give bulk that needs no more buffers than the rig has."""
    shape = Shape(1, 4, 2, items_per_request=1)
    made = BulkInto(rig.submitter, rig.staging, shape)
    made.shared = rig.shared.array if where == "shared memory" else None
    return made


@pytest.fixture(params=["any memory", "shared memory"])
def made(rig: SubmitterRig, request: pytest.FixtureRequest) -> BulkInto:
    """Give bulk into each memory."""
    return bulk_of(rig, request.param)


def unpacked(made: BulkInto, packed: Packed) -> Pages:
    """Give the pages of *packed*."""
    out = np.zeros((len(packed), PAGE_SIZE), np.uint8)
    if made.shared is not None:
        out = made.shared[: len(packed)]
        out[:] = 0
    made.decompress(packed, out)
    return out


def with_data(packed: Packed, index: int, data: bytes) -> Packed:
    """Give *packed* with other bytes for a page."""
    changed = [bytes(stream) for stream in packed]
    changed[index] = data
    return Packed.of(packed.compressor, changed, packed.path, packed.checksums)


def let_devices_lie(rig: SubmitterRig, place: int) -> None:
    """Let devices change a byte of every page that they decompress."""
    codec = rig.rig.devices[0].engine._codec
    honest = codec.decompress

    def decompress(data: memoryview, limit: int) -> bytes:
        page = bytearray(honest(data, limit))
        page[place] ^= 1
        return bytes(page)

    codec.decompress = decompress  # type: ignore[method-assign]


def test_every_page_has_the_checksum_of_its_bytes(made: BulkInto) -> None:
    """CRC-32 of what the user handed in, also where that was kept as it was."""
    packed = made.compress(PAGES)

    assert packed.checksums is not None
    assert packed.checksums.dtype == np.uint32
    assert packed.checksums.tolist() == [zlib.crc32(page) for page in PAGES]
    with pytest.raises(ValueError, match="read-only"):
        packed.checksums[0] = 1


def test_page_that_a_device_decompresses_wrong_comes_back_right(
    rig: SubmitterRig, made: BulkInto
) -> None:
    """Software does it again, and counts it."""
    packed = made.compress(PAGES)
    let_devices_lie(rig, place=77)

    assert np.array_equal(unpacked(made, packed), PAGES)
    stats = rig.rig.stats
    assert (stats.total_sw_decomp_calls, stats.reasons["checksum"]) == (10, 10)


def test_page_that_a_device_compressed_wrong_is_named(
    rig: SubmitterRig, made: BulkInto
) -> None:
    """It is well-formed, and of another page: the first such is in the message."""
    codec = rig.rig.devices[0].engine._codec
    honest = codec.compress

    def compress(data: memoryview) -> bytes:
        is_wrong = data in (memoryview(TEXT[7]), memoryview(TEXT[3]))
        return honest(memoryview(bytes(data[:-1]) + b"?") if is_wrong else data)

    codec.compress = compress  # type: ignore[method-assign]
    packed = made.compress(PAGES)

    with pytest.raises(
        CorruptStreamError,
        match=r"^page 3: not the page that was compressed, errno 74; 2 of 12 pages$",
    ):
        unpacked(made, packed)


@pytest.mark.parametrize("index", [0, 5, 9, 10, 11])
@pytest.mark.parametrize("where", [0.0, 0.3, 0.99])
def test_damaged_page_is_named_and_never_wrong(
    made: BulkInto, index: int, where: float
) -> None:
    """A bit of a stream, or of a page that was kept as it was."""
    packed = made.compress(PAGES)
    data = bytearray(packed[index])
    data[int(where * len(data))] ^= 0x10
    damaged = with_data(packed, index, bytes(data))
    try:
        again = unpacked(made, damaged)
    except CorruptStreamError as error:
        assert str(error).startswith(f"page {index}: ")  # noqa: PT017 - or is right
        assert str(error).endswith("1 of 12 pages")  # noqa: PT017 - or is right
    else:
        # Some bits of a stream say nothing about its page.
        assert np.array_equal(again, PAGES)


@pytest.mark.parametrize("data", [b"", b"x", bytes(100)])
def test_raw_page_of_another_size_is_named(made: BulkInto, data: bytes) -> None:
    """One byte would fill a page, if numpy had its way."""
    packed = with_data(made.compress(PAGES), 10, data)

    with pytest.raises(CorruptStreamError, match=r"^page 10: .* errno 22; 1 of 12"):
        unpacked(made, packed)


def test_page_that_is_too_long_for_a_buffer_is_refused(made: BulkInto) -> None:
    """By a byte; what lies after the buffer is another page's."""
    packed = with_data(made.compress(PAGES), 3, bytes(PAGE_SIZE + 1))

    with pytest.raises(ValueError, match=r"^packed: a page of 4097 bytes, must be up"):
        unpacked(made, packed)


def test_pages_that_were_exchanged_are_named(made: BulkInto) -> None:
    """Each is whole; neither is what was there."""
    packed = made.compress(PAGES)
    changed = with_data(packed, 2, bytes(packed[4]))

    with pytest.raises(CorruptStreamError, match=r"^page 2: not the page"):
        unpacked(made, with_data(changed, 4, bytes(packed[2])))


def test_packed_without_checksums_is_not_compared(made: BulkInto) -> None:
    """Made by hand, or by an older version."""
    packed = made.compress(PAGES)
    old = dataclasses.replace(packed, checksums=None)

    assert old.checksums is None
    assert np.array_equal(unpacked(made, old), PAGES)
    assert np.array_equal(unpacked(made, with_data(old, 1, bytes(old[0])))[1], PAGES[0])


def test_checksums_of_another_number_are_refused(made: BulkInto) -> None:
    """One for each page, or none."""
    packed = made.compress(PAGES)
    assert packed.checksums is not None
    fewer = dataclasses.replace(packed, checksums=packed.checksums[:11])

    with pytest.raises(
        ValueError, match=r"^packed: 11 checksums, must be 12, one a page$"
    ):
        unpacked(made, fewer)


def test_error_of_software_stays(made: BulkInto) -> None:
    """Neither device nor software can do it: that is no matter of checksums."""
    packed = with_data(made.compress(PAGES), 6, b"\xff" * 100)

    with pytest.raises(
        CorruptStreamError, match=rf"^page 6: cannot be .* errno {errno.EINVAL}; 1 of"
    ):
        unpacked(made, packed)


def test_paths_of_the_pages_are_what_is_expected(made: BulkInto) -> None:
    """Else the tests above would test less than they say."""
    assert made.compress(PAGES).path.tolist() == [Path.DEVICE] * 10 + [Path.RAW] * 2


def test_verification_reads_what_was_compressed_and_no_earlier_source() -> None:
    """A request that named streams side by side names its own buffers again."""
    with submitter_rig(verify_compress=True) as rig:
        made = bulk_of(rig)
        unpacked(made, made.compress(TEXT[:3]))
        packed = made.compress(TEXT)
        out = unpacked(made, packed)

    assert np.array_equal(out, TEXT)
    assert set(packed.path.tolist()) == {int(Path.DEVICE)}
    assert rig.submitter.driver.stats.total_sw_comp_calls == 0


def test_raw_pages_between_others_come_to_their_own_places(made: BulkInto) -> None:
    """A run with holes, whose pages are named one by one."""
    mixed = PAGES[[0, 10, 1, 2, 11, 3, 4, 5]]
    packed = made.compress(mixed)

    assert packed.path.tolist().count(Path.RAW) == 2
    assert np.array_equal(unpacked(made, packed), mixed)


def test_shared_memory_is_written_by_devices(rig: SubmitterRig) -> None:
    """What is staged is not of the result."""
    made = bulk_of(rig, "shared memory")
    packed = made.compress(TEXT)
    rig.staged.array[:] = 0
    unpacked(made, packed)

    assert not rig.staged.array.any()


@pytest.mark.parametrize(
    ("count", "nr_devices", "length"),
    [
        (16384, 2, 256),
        (600, 2, 150),
        (300, 2, 150),
        (100, 2, 50),
        (1000, 3, 167),
        (40, 2, MIN_REQUEST_PAGES),
        (0, 2, MIN_REQUEST_PAGES),
    ],
)
def test_devices_get_as_many_requests_of_the_same_length(
    count: int, nr_devices: int, length: int
) -> None:
    """None waits for another at the end; a few pages are not worth a device."""
    assert even_run(count, 256, nr_devices) == length


def test_no_request_is_longer_than_its_buffers() -> None:
    """However few they are."""
    assert even_run(100, 4, 2) == 4
