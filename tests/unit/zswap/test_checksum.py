"""Wrong data is an error at load, or right after all, and never a wrong page."""

import errno
from collections.abc import Sequence

import pytest

from mpzswap.acomp.checksum import EBADMSG, checksum
from mpzswap.acomp.request import Request
from mpzswap.errors import LoadError
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.entry import Entry
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_file import Slot, SwapPage, SwapReadError
from mpzswap.zswap.swap_out import SwappedTo
from tests.tools.fake_acomp import garbled
from tests.tools.zswap_rig import SAME, ZERO, Disk, Rig, noise, text

OFF = ZswapSettings(checksum=False)
SHARED_LOADS = ZswapSettings(exclusive_loads=False)
PAGES = [text(0), ZERO, noise(2), text(3), SAME, text(5)]
# Where pages that are written back are decompressed first.
SPARE = 128


def entry_of(rig: Rig, offset: int) -> Entry:
    """Give what is stored."""
    return rig.zswap._entries.by_offset[offset]


def slots(rig: Rig) -> dict[int, Slot]:
    """Give what is in the swap file."""
    assert rig.zswap._swap is not None
    return rig.zswap._swap.files[0].slots


def damage(rig: Rig, offset: int) -> None:
    """Turn one bit of what the pool has of a page."""
    entry = entry_of(rig, offset)
    rig.zswap._entries.zsmalloc.view(entry.handle, entry.length)[-1] ^= 1


def failures(rig: Rig, offsets: range) -> dict[int, int]:
    """Load pages into the frames from 64 on; give those that failed."""
    frames = range(64, 64 + len(offsets))
    try:
        rig.zswap.load_many(offsets, rig.frames, frames)
    except LoadError as error:
        return error.failures
    return {}


@pytest.mark.parametrize("batching", ["off", "requests", "driver"])
def test_page_that_a_device_decompresses_wrong_is_loaded_right(batching: str) -> None:
    """Software does it again; it is counted, and no failure."""
    rig = Rig(ZswapSettings(batching=batching))  # type: ignore[arg-type]  # a mode
    rig.store(PAGES)
    rig.fake.wrong_decompress = {64, 67}

    assert failures(rig, range(6)) == {}
    assert [rig.frames.views[64 + n] for n in range(6)] == PAGES
    assert sorted(rig.fake.done_in_software) == [64, 67]
    stats = rig.zswap.stats()
    assert (stats.checksum_fail, stats.decompress_fail, stats.zswpin) == (2, 0, 6)


@pytest.mark.parametrize("batching", ["off", "requests", "driver"])
def test_page_that_a_device_compressed_wrong_is_an_error(batching: str) -> None:
    """Nothing can give it back: it is named, and still stored; the others come."""
    rig = Rig(ZswapSettings(batching=batching))  # type: ignore[arg-type]  # a mode
    rig.fake.wrong_compress = {3}
    rig.store(PAGES)

    assert failures(rig, range(6)) == {3: EBADMSG}
    stats = rig.zswap.stats()
    assert (stats.checksum_fail, stats.decompress_fail, stats.zswpin) == (1, 1, 5)
    with pytest.raises(
        LoadError, match=r"^swap offset 3: not the page that was stored, errno 74$"
    ):
        rig.load(3)
    assert 3 in rig.zswap


def test_checksum_is_that_of_the_page_before_it_was_submitted() -> None:
    """A device that changes the page where it is changes no checksum."""
    rig = Rig()
    rig.fill([text(1), noise(2)])
    honest = rig.fake.compress

    def compress(request: Request) -> int:
        rig.fill([text(8), noise(9)])
        return honest(request)

    rig.fake.compress = compress  # type: ignore[method-assign]
    rig.zswap.store(rig.frames, [Folio(0, 0, 2)])

    assert [entry_of(rig, n).checksum for n in (0, 1)] == [
        checksum(text(1)),
        checksum(noise(2)),
    ]
    assert failures(rig, range(2)) == dict.fromkeys((0, 1), EBADMSG)


@pytest.mark.parametrize("checked", [True, False])
def test_driver_is_told_the_checksums(*, checked: bool) -> None:
    """With verify_compress it holds its devices to them."""
    rig = Rig(ZswapSettings(checksum=checked))
    told: list[list[int]] = []
    honest = rig.fake.compress

    def compress(request: Request) -> int:
        told.append(request.checksums)
        return honest(request)

    rig.fake.compress = compress  # type: ignore[method-assign]
    rig.store([text(0), ZERO, noise(2)])

    assert told == [[checksum(text(0)), checksum(noise(2))] if checked else []]


def test_damage_that_the_format_shows_stays_the_error_that_it_is() -> None:
    """A device that gives an error is no wrong page."""
    rig = Rig()
    rig.store([text(1)])
    damage(rig, 0)

    assert failures(rig, range(1)) == {0: -errno.EINVAL}
    assert rig.zswap.stats().checksum_fail == 0


def test_raw_page_that_was_damaged_is_an_error() -> None:
    """No codec would notice."""
    rig = Rig()
    rig.store([noise(0), noise(1)])
    damage(rig, 1)

    assert failures(rig, range(2)) == {1: EBADMSG}
    stats = rig.zswap.stats()
    assert (stats.checksum_fail, stats.decompress_fail, stats.zswpin) == (1, 1, 1)
    assert (0 in rig.zswap, 1 in rig.zswap) == (False, True)


def test_same_filled_page_needs_no_checksum() -> None:
    """Its value is the whole of it, and no device has had it."""
    rig = Rig()
    rig.store([ZERO, SAME])

    assert [entry_of(rig, n).checksum for n in (0, 1)] == [0, 0]
    assert [rig.load(0), rig.load(1)] == [ZERO, SAME]


def test_page_stored_anew_has_its_own_checksum() -> None:
    """That of the page before it is gone."""
    rig = Rig(SHARED_LOADS)
    for seed in range(3):
        rig.store([text(seed)])
        assert rig.load(0) == text(seed)


def test_page_that_is_written_back_keeps_its_checksum() -> None:
    """Of what was stored, though a device did it wrong and software again."""
    rig = Rig(swap=Disk())
    pages = [text(0), noise(1), text(2)]
    rig.store(pages)
    rig.fake.wrong_decompress = {SPARE + 2}

    assert rig.zswap.write_back(3) == 3
    assert [slots(rig)[n].crc for n in range(3)] == [checksum(page) for page in pages]
    assert rig.zswap.stats().checksum_fail == 1
    assert [rig.load(offset) for offset in range(3)] == pages


def test_page_that_cannot_be_had_is_not_written_back() -> None:
    """It stays in the pool, compressed wrong or damaged; the others go."""
    rig = Rig(swap=Disk())
    rig.fake.wrong_compress = {3}
    rig.store([text(0), noise(1), noise(2), text(3), text(4)])
    damage(rig, 1)

    assert rig.zswap.write_back(5) == 3
    assert sorted(slots(rig)) == [0, 2, 4]
    assert rig.zswap.stats().checksum_fail == rig.zswap.stats().decompress_fail > 0
    assert sorted(rig.zswap._entries.by_offset) == [1, 3]
    for offset in (1, 3):
        with pytest.raises(LoadError, match="not the page that was stored"):
            rig.load(offset)


def test_slot_has_the_checksum_of_what_was_stored_not_of_what_is_written() -> None:
    """A page that turns wrong on its way to the disk is found when it is read."""
    rig = Rig(swap=Disk())
    rig.store([text(0)])
    swap = rig.zswap._swap
    assert swap is not None
    honest = swap.store_many

    def store_many(pages: Sequence[SwapPage]) -> int:
        rig.fake.frames.views[SPARE][:] = text(9)
        return honest(pages)

    swap.store_many = store_many  # type: ignore[method-assign]
    rig.zswap.write_back(1)

    with pytest.raises(SwapReadError, match=r"^swap offset 0: damaged"):
        rig.load(0)


def test_rejected_folio_has_the_checksums_of_its_pages() -> None:
    """It goes past zswap, and nobody has made any yet."""
    rig = Rig(max_pages=0, swap=Disk())
    rig.fill([text(0), ZERO])

    assert rig.zswap.swap_out(rig.frames, [Folio(0, 0, 2)]) == [SwappedTo.SWAP]
    assert [slots(rig)[n].crc for n in (0, 1)] == [checksum(text(0)), checksum(ZERO)]


def test_nothing_is_compared_where_it_is_off() -> None:
    """The kernel has no checksum: what comes is taken."""
    rig = Rig(OFF)
    rig.fake.wrong_compress = {0}
    rig.store([text(0), noise(1)])
    damage(rig, 1)

    assert [entry_of(rig, n).checksum for n in (0, 1)] == [0, 0]
    assert failures(rig, range(2)) == {}
    assert rig.frames.views[64] == garbled(text(0))
    assert rig.zswap.stats().checksum_fail == 0


def test_disk_is_checked_where_it_is_off() -> None:
    """With a checksum of what was written, as before there was any other."""
    disk = Disk()
    rig = Rig(OFF, swap=disk)
    pages = [text(0), noise(1), text(2)]
    rig.store(pages)
    rig.zswap.write_back(3)
    disk.damage(1)

    assert (rig.load(0), rig.load(2)) == (pages[0], pages[2])
    with pytest.raises(SwapReadError, match=r"^swap offset 1: damaged"):
        rig.load(1)
