"""Writeback and the shrinker: the coldest pages leave a full pool."""

import errno

import pytest

from mpzswap.errors import ClosedError
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.store import Folio
from mpzswap.zswap.writeback import MAX_RECLAIM_RETRIES
from tests.tools.zswap_rig import SAME, ZERO, Disk, Rig, noise, pool_words, text

SHRINKER = ZswapSettings()
SHARED_LOADS = ZswapSettings(exclusive_loads=False)


def full_rig(settings: ZswapSettings = SHRINKER, disk: Disk | None = None) -> Rig:
    """Give a zswap at its limit: ten pages that do not compress, at 0 to 9."""
    rig = Rig(settings, max_pages=10, swap=Disk() if disk is None else disk)
    for offset in range(10):
        assert rig.store([noise(offset)], offset)
    return rig


def in_swap(rig: Rig) -> list[int]:
    """Give the offsets that are in the swap file."""
    assert rig.zswap._swap is not None
    (file,) = rig.zswap._swap.files
    return sorted(file.slots)


@pytest.mark.parametrize("batching", ["off", "requests", "driver"])
def test_written_back_pages_come_back(batching: str) -> None:
    """Pages of each kind are byte-equal after the way over the disk."""
    settings = ZswapSettings(batching=batching)  # type: ignore[arg-type]  # a mode
    rig = Rig(settings, swap=Disk())
    pages = [text(0), ZERO, noise(2), SAME, *(text(seed) for seed in range(4, 64))]
    rig.store(pages)

    assert rig.zswap.write_back(1000) == 62
    stats = rig.zswap.stats()
    assert (stats.written_back_pages, stats.zswpwb, stats.pswpout) == (62, 62, 62)
    assert (stats.stored_pages, stats.swap_pages, len(rig.zswap)) == (2, 62, 64)
    assert (stats.pool_total_size, rig.words[0]) == (0, 0)
    assert [rig.load(offset) for offset in range(64)] == pages
    assert (rig.zswap.stats().pswpin, rig.zswap.stats().zswpin) == (62, 2)
    assert len(rig.zswap) == 0


def test_pages_are_decompressed_in_sub_batches() -> None:
    """A cluster is a batch like any other, for the devices."""
    rig = Rig(swap=Disk())
    rig.store([text(seed) for seed in range(48)])

    assert rig.zswap.write_back(48) == 48
    assert rig.fake.decompressed == [8] * 6


def test_coldest_pages_are_written_back_first() -> None:
    """As many as were asked for, the oldest first."""
    rig = full_rig()

    assert rig.zswap.write_back(3) == 3
    assert in_swap(rig) == [0, 1, 2]


def test_loaded_page_is_written_back_later() -> None:
    """Where loads keep the entry, a load is a second chance."""
    rig = full_rig(SHARED_LOADS)
    rig.zswap.write_back(1)
    rig.load(1)
    rig.zswap.write_back(3)

    assert in_swap(rig) == [0, 2, 3, 4]


def test_loaded_page_stays_in_swap_where_loads_are_shared() -> None:
    """Without exclusive loads a page can be read again."""
    rig = full_rig(SHARED_LOADS)
    rig.zswap.write_back(1)

    assert [rig.load(0), rig.load(0)] == [noise(0)] * 2
    assert in_swap(rig) == [0]


def test_full_pool_is_shrunk_to_the_threshold() -> None:
    """A store at the limit waits; then there is room until the limit, not before."""
    rig = full_rig()
    sizes = []
    for offset in range(10, 14):
        assert rig.store([noise(offset)], offset)
        sizes.append(rig.words[0])

    assert sizes == [10] * 4
    assert in_swap(rig) == [0, 1, 2, 3]
    stats = rig.zswap.stats()
    assert (stats.rejected_pages, stats.pool_limit_hit) == (0, 4)
    assert stats.zswpout == 14


def test_shrinker_has_hysteresis() -> None:
    """At 20 pages two go at a time, so every second store has room."""
    rig = Rig(SHRINKER, max_pages=20, swap=Disk())
    written = []
    for offset in range(26):
        rig.store([noise(offset)], offset)
        written.append(rig.zswap.stats().written_back_pages)

    assert written == [0] * 20 + [2, 2, 4, 4, 6, 6]


def test_nothing_is_rejected_for_good_with_the_shrinker() -> None:
    """Ten times the limit is stored, in folios and batches, and all comes back."""
    rig = Rig(SHRINKER, max_pages=32, swap=Disk())
    for first in range(0, 320, 32):
        rig.fill([noise(first + index) for index in range(32)])
        folios = [Folio(first + index, index, 4) for index in range(0, 32, 4)]
        assert rig.zswap.store(rig.frames, folios) == [True] * 8

    stats = rig.zswap.stats()
    assert (stats.pages_out, stats.zswpout, stats.rejected_pages) == (320, 320, 0)
    assert [rig.load(offset) for offset in range(320)] == [
        noise(offset) for offset in range(320)
    ]


@pytest.mark.parametrize(
    "settings",
    [ZswapSettings(shrinker_enabled=False), ZswapSettings(writeback=False)],
)
def test_full_pool_rejects_without_the_shrinker(settings: ZswapSettings) -> None:
    """Off, or not allowed to write back: rejects are counted, nothing is written."""
    rig = Rig(settings, max_pages=1, swap=Disk())
    rig.store([text(0)])

    assert not rig.store([text(1)], 1)
    stats = rig.zswap.stats()
    assert (stats.rejected_limit_pages, stats.written_back_pages) == (1, 0)
    assert stats.reject_reclaim_fail == 0


def test_nothing_is_written_back_where_that_is_off() -> None:
    """memory.zswap.writeback is above whoever asks."""
    rig = Rig(ZswapSettings(writeback=False), swap=Disk())
    rig.store([text(0)])

    assert rig.zswap.write_back(1) == 0
    assert rig.zswap.stats().stored_pages == 1


def test_nothing_is_written_back_without_a_swap_file() -> None:
    """There is nowhere to write to."""
    rig = Rig(SHRINKER, max_pages=1)
    rig.store([text(0)])

    assert rig.zswap.write_back(1) == 0
    assert not rig.store([text(1)], 1)


def test_cpu_without_entries_is_rejected_while_others_fill_the_pool() -> None:
    """It can write back its own entries alone; the others' are not its to take."""
    rig = full_rig()
    rig.limit.words = pool_words(2)
    rig.limit.words[1] = 10
    rig.zswap.write_back(10)

    assert not rig.store([text(1)], 50)
    assert rig.zswap.stats().reject_reclaim_fail == 1


def test_cpu_writes_back_its_share() -> None:
    """With half of a full pool it makes half of the room, and goes on."""
    rig = Rig(SHRINKER, max_pages=40, swap=Disk())
    rig.limit.words = pool_words(2)
    rig.limit.words[1] = 20
    for offset in range(20):
        rig.store([noise(offset)], offset)

    assert rig.store([noise(20)], 20)
    assert in_swap(rig) == [0, 1]


def test_cpu_gives_up_more_than_its_share_while_others_keep_theirs() -> None:
    """The other has most of the pool, and nothing to store before long."""
    rig = Rig(SHRINKER, max_pages=40, swap=Disk())
    rig.limit.words = pool_words(2)
    for offset in range(8):
        rig.store([noise(offset)], offset)
    rig.limit.words[1] = 35

    assert rig.store([noise(8)], 8)
    assert len(in_swap(rig)) >= 4
    assert rig.zswap.stats().rejected_pages == 0


@pytest.mark.parametrize(("max_pages", "room_pages"), [(0, 10), (10, 0)])
def test_full_disk_loses_nothing(max_pages: int, room_pages: int) -> None:
    """No slot, or no room on the disk: the store is rejected, the entries stay."""
    rig = full_rig(disk=Disk(max_pages, room_pages))

    assert not rig.store([noise(10)], 10)
    stats = rig.zswap.stats()
    assert (stats.written_back_pages, stats.reject_reclaim_fail) == (0, 1)
    assert [rig.load(offset) for offset in range(10)] == [noise(n) for n in range(10)]


def test_disk_that_gets_full_keeps_the_rest_in_the_pool() -> None:
    """What was written is in swap, what was not is in zswap; each page is in one."""
    rig = full_rig(disk=Disk(room_pages=3))

    assert rig.zswap.write_back(8) == 3
    assert (in_swap(rig), rig.zswap.stats().swap_write_fail) == ([0, 1, 2], 5)
    assert [rig.load(offset) for offset in range(10)] == [noise(n) for n in range(10)]


def test_page_that_cannot_be_decompressed_is_kept() -> None:
    """It is counted and stays; the others of its cluster are written."""
    rig = Rig(swap=Disk())
    rig.store([text(seed) for seed in range(8)])
    rig.fake.decompress_errors = {128 + 3: -errno.EIO}

    rig.zswap.write_back(5)
    assert rig.zswap.stats().decompress_fail == 1
    rig.fake.decompress_errors = {}
    assert in_swap(rig) == [0, 1, 2, 4, 5]
    assert [rig.load(offset) for offset in range(8)] == [text(n) for n in range(8)]


def test_shrinker_gives_up_after_the_retries() -> None:
    """Where no page can be decompressed the store is rejected, once and in the end."""
    rig = Rig(SHRINKER, max_pages=2, swap=Disk())
    rig.store([text(seed) for seed in range(64)])
    rig.fake.decompress_errors = dict.fromkeys(range(128, 160), -errno.ETIMEDOUT)
    tried = len(rig.fake.decompressed)

    assert not rig.store([text(99)], 99)
    assert len(rig.fake.decompressed) - tried >= MAX_RECLAIM_RETRIES
    assert rig.zswap.stats().reject_reclaim_fail == 1
    rig.fake.decompress_errors = {}
    assert rig.load(40) == text(40)


def test_interrupted_writeback_leaves_each_page_in_one_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page in both would come to light, stale, when the entry is loaded."""
    rig = full_rig()

    def erase(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rig.zswap._entries, "erase", erase)
        with pytest.raises(KeyboardInterrupt):
            rig.zswap.write_back(4)

    assert in_swap(rig) == []
    assert rig.load(0) == noise(0)
    assert 0 not in rig.zswap


def test_closed_zswap_writes_nothing_back() -> None:
    """The swap file is closed with it."""
    rig = full_rig()
    rig.zswap.close()

    with pytest.raises(ClosedError, match="zswap: is closed"):
        rig.zswap.write_back(1)
    assert in_swap(rig) == []
