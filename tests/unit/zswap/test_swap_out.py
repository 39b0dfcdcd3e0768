"""Swap-out: into zswap, else into the swap file, else nowhere."""

import errno

import pytest

from mpzswap.errors import LoadError
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_file import SwapFile, SwapReadError
from mpzswap.zswap.swap_out import SwappedTo
from tests.tools.zswap_rig import Disk, Rig, noise, text

FOLIO = [text(seed) for seed in range(4)]


def swap_out(rig: Rig, pages: list[bytes], swap_offset: int = 0) -> SwappedTo:
    """Swap *pages* out as one folio."""
    rig.fill(pages)
    return rig.zswap.swap_out(rig.frames, [Folio(swap_offset, 0, len(pages))])[0]


def rejecting_rig(swap: SwapFile | None) -> Rig:
    """Give a zswap whose pool is full, with nothing in it."""
    return Rig(max_pages=0, swap=swap)


def test_folio_goes_to_zswap_where_there_is_room() -> None:
    """The swap file is not touched."""
    rig = Rig(swap=Disk())

    assert swap_out(rig, FOLIO) is SwappedTo.ZSWAP
    assert (rig.zswap.stats().swap_pages, rig.zswap.stats().zswpout) == (0, 4)


def test_rejected_folio_goes_to_the_swap_file() -> None:
    """All of it, as it was; it comes back with the others."""
    rig = rejecting_rig(Disk())

    assert swap_out(rig, FOLIO, 8) is SwappedTo.SWAP
    stats = rig.zswap.stats()
    assert (stats.rejected_pages, stats.pswpout, stats.written_back_pages) == (4, 4, 0)
    assert [rig.load(offset) for offset in range(8, 12)] == FOLIO
    assert (rig.zswap.stats().pswpin, rig.zswap.stats().zswpin) == (4, 0)
    assert 8 not in rig.zswap


def test_each_folio_of_a_batch_has_its_own_place() -> None:
    """The first fills the pool; the second, beside it, goes to swap."""
    rig = Rig(
        ZswapSettings(batching="off", shrinker_enabled=False), max_pages=4, swap=Disk()
    )
    pages = [noise(n) for n in range(8)]
    rig.fill(pages)

    assert rig.zswap.swap_out(rig.frames, [Folio(0, 0, 4), Folio(4, 4, 4)]) == [
        SwappedTo.ZSWAP,
        SwappedTo.SWAP,
    ]
    assert [rig.load(offset) for offset in range(8)] == pages


@pytest.mark.parametrize(("max_pages", "room_pages"), [(3, 10), (10, 3), (10, 0)])
def test_folio_that_has_not_room_for_all_stays(max_pages: int, room_pages: int) -> None:
    """No slots, or not enough of the disk: nothing is kept of it anywhere."""
    rig = rejecting_rig(Disk(max_pages, room_pages))

    assert swap_out(rig, FOLIO) is SwappedTo.NONE
    assert len(rig.zswap) == 0
    stats = rig.zswap.stats()
    assert (stats.pswpout, stats.swap_write_fail) == (0, 4)
    assert [rig.frames.views[index] for index in range(4)] == FOLIO


def test_rejected_folio_stays_without_a_swap_file() -> None:
    """As before there was any; that is no failure of the disk."""
    rig = rejecting_rig(None)

    assert swap_out(rig, FOLIO) is SwappedTo.NONE
    assert (len(rig.zswap), rig.zswap.stats().swap_write_fail) == (0, 0)


def test_nothing_goes_to_the_swap_file_where_writeback_is_off() -> None:
    """memory.zswap.writeback forbids that too, as the kernel's text says."""
    rig = Rig(ZswapSettings(writeback=False), swap=Disk())

    assert swap_out(rig, [noise(1)]) is SwappedTo.NONE
    assert rig.zswap.stats().swap_pages == 0


def test_store_replaces_what_was_in_swap() -> None:
    """The older page on the disk is wrong by now, and must not come back."""
    rig = Rig(swap=Disk())
    rig.store(FOLIO)
    rig.zswap.write_back(4)

    assert swap_out(rig, [noise(1)], 2) is SwappedTo.ZSWAP
    assert rig.zswap.stats().invalidated_pages == 1
    assert rig.load(2) == noise(1)
    assert 2 not in rig.zswap


def test_rejected_store_leaves_no_stale_page_in_swap() -> None:
    """A folio that must stay in memory has no older copy anywhere."""
    rig = Rig(swap=Disk())
    rig.store(FOLIO)
    rig.zswap.write_back(4)
    rig.limit.max_pages = 0

    assert not rig.store(FOLIO[:2], 1)
    assert [offset for offset in range(4) if offset in rig.zswap] == [0, 3]


def test_invalidate_frees_the_slot() -> None:
    """A page is forgotten wherever it is; it says whether there was one."""
    rig = rejecting_rig(Disk())
    swap_out(rig, FOLIO)

    assert [rig.zswap.invalidate(0), rig.zswap.invalidate(0)] == [True, False]
    assert (0 in rig.zswap, rig.zswap.stats().swap_pages) == (False, 3)


def test_pages_come_from_both_places_in_one_load() -> None:
    """The caller need not know where a page is."""
    rig = Rig(swap=Disk())
    rig.store([text(seed) for seed in range(8)])
    rig.zswap.write_back(4)
    rig.zswap.load_many(range(8), rig.frames, range(64, 72))

    assert [rig.frames.views[64 + n] for n in range(8)] == [text(n) for n in range(8)]


def test_damaged_page_is_an_error_that_names_the_offset() -> None:
    """Its bytes are not passed off as the page; all others are loaded."""
    disk = Disk()
    rig = Rig(swap=disk)
    rig.store([text(seed) for seed in range(8)])
    rig.zswap.write_back(4)
    disk.damage(2)

    with pytest.raises(SwapReadError, match=r"^swap offset 2: damaged") as caught:
        rig.zswap.load_many(range(8), rig.frames, range(64, 72))

    assert caught.value.failures == {2: -errno.EIO}
    stats = rig.zswap.stats()
    assert (stats.swap_read_fail, stats.pswpin, stats.zswpin) == (1, 3, 4)
    assert [offset for offset in range(8) if offset in rig.zswap] == [2]


def test_failures_of_both_places_are_in_one_error() -> None:
    """A load that fails in two ways names the damage, and has all offsets."""
    disk = Disk()
    rig = Rig(swap=disk)
    rig.store([text(seed) for seed in range(8)])
    rig.zswap.write_back(4)
    disk.damage(0)
    rig.fake.decompress_errors = {70: -errno.ETIMEDOUT}

    with pytest.raises(LoadError, match=r"^swap offset 0: .* \(and 1 more\)") as caught:
        rig.zswap.load_many(range(8), rig.frames, range(64, 72))

    assert caught.value.failures == {0: -errno.EIO, 6: -errno.ETIMEDOUT}


def test_interrupted_write_leaves_no_folio_of_the_batch() -> None:
    """The caller is not told which were stored: so none is, and all stay."""

    class Interrupted(Disk):
        def _write(self, number: int, views: list[memoryview]) -> int:
            raise KeyboardInterrupt(number, views)

    rig = Rig(
        ZswapSettings(batching="off", shrinker_enabled=False),
        max_pages=4,
        swap=Interrupted(),
    )
    rig.fill([noise(n) for n in range(8)])
    with pytest.raises(KeyboardInterrupt):
        rig.zswap.swap_out(rig.frames, [Folio(0, 0, 4), Folio(4, 4, 4)])

    assert (len(rig.zswap), rig.words[0], rig.zswap.charged_bytes) == (0, 0, 0)


def test_disk_that_took_half_a_folio_is_full_for_the_next() -> None:
    """What was written of it and given back is no room that came."""
    disk = Disk(100, room_pages=5)
    rig = Rig(ZswapSettings(shrinker_enabled=False), max_pages=0, swap=disk)
    rig.fill([text(page) for page in range(12)])
    fates = [rig.zswap.swap_out(rig.frames, [Folio(0, 0, 4)])]
    fates += [rig.zswap.swap_out(rig.frames, [Folio(4, 4, 4)])]

    assert fates == [[SwappedTo.SWAP], [SwappedTo.NONE]]
    assert disk.space_left == 0
