"""Loading pages."""

import errno

import pytest

from mpzswap.errors import LoadError, MpzswapError, NotStoredError
from mpzswap.topology.settings import ZswapSettings
from tests.tools.zswap_rig import SAME, ZERO, Rig, noise, text

SHARED_LOADS = ZswapSettings(exclusive_loads=False)
PAGES = [text(0), ZERO, noise(2), text(3), SAME, text(5)]


def test_exclusive_load_erases_the_entry() -> None:
    """The page is in memory again; a second load finds nothing."""
    rig = Rig()
    rig.store([text(1)], 7)

    assert rig.load(7) == text(1)
    assert 7 not in rig.zswap
    assert rig.zswap.stats().pool_total_size == 0


def test_shared_load_keeps_the_entry() -> None:
    """Without exclusive loads a page can be loaded again."""
    rig = Rig(SHARED_LOADS)
    rig.store([text(1)], 7)

    assert [rig.load(7), rig.load(7)] == [text(1)] * 2
    assert rig.zswap.stats().zswpin == 2


@pytest.mark.parametrize("batching", ["off", "requests", "driver"])
def test_load_many_gives_each_page_its_frame(batching: str) -> None:
    """Pages of each kind come back in one call, in an order of the caller's."""
    rig = Rig(ZswapSettings(batching=batching))  # type: ignore[arg-type]  # a mode
    rig.store(PAGES, 10)
    rig.zswap.load_many([15, 10, 12, 11, 14, 13], rig.frames, range(70, 76))
    loaded = [rig.frames.views[index].tobytes() for index in range(70, 76)]

    assert loaded == [PAGES[index] for index in (5, 0, 2, 1, 4, 3)]
    assert (rig.zswap.stats().zswpin, len(rig.zswap)) == (6, 0)


def test_only_compressed_pages_are_decompressed() -> None:
    """Same-filled and raw pages need no device."""
    rig = Rig()
    rig.store(PAGES)
    rig.zswap.load_many(range(6), rig.frames, range(64, 70))

    assert rig.fake.decompressed == [3]


def test_absent_page_is_named() -> None:
    """What is not stored cannot be loaded; the offset is in the message."""
    rig = Rig()

    with pytest.raises(NotStoredError, match=r"^swap offset 9: no page is stored"):
        rig.load(9)


def test_absent_page_stops_a_load_of_many_before_it_begins() -> None:
    """A caller's mistake changes nothing: the others are still stored."""
    rig = Rig()
    rig.store(PAGES)

    with pytest.raises(NotStoredError, match="swap offset 6"):
        rig.zswap.load_many([0, 1, 6], rig.frames, [64, 65, 66])

    assert len(rig.zswap) == 6


def test_offset_named_twice_is_refused() -> None:
    """An exclusive load can give a page to one frame only."""
    rig = Rig()
    rig.store(PAGES)

    with pytest.raises(ValueError, match="3 swap offsets, must all differ"):
        rig.zswap.load_many([1, 2, 1], rig.frames, [64, 65, 66])


def test_offset_without_frame_is_refused() -> None:
    """Offsets and frames are pairs."""
    rig = Rig()
    rig.store(PAGES)

    with pytest.raises(ValueError, match="zip"):
        rig.zswap.load_many([1, 2], rig.frames, [64])


@pytest.mark.parametrize("frame", [-1, 128])
def test_frame_that_does_not_exist_is_refused(frame: int) -> None:
    """No page is written past the frames, or into the last for the first."""
    rig = Rig()
    rig.store(PAGES)

    with pytest.raises(ValueError, match="must be below 128"):
        rig.zswap.load_many([0, 1], rig.frames, [64, frame])

    assert len(rig.zswap) == 6


def test_page_that_cannot_be_decompressed_is_kept() -> None:
    """The error names offset and errno, and the page can be had when it is over."""
    rig = Rig()
    rig.store([text(1)], 5)
    rig.fake.decompress_errors = {64: -errno.ETIMEDOUT}

    with pytest.raises(LoadError, match=r"^swap offset 5: .* errno 110$") as caught:
        rig.load(5)

    assert isinstance(caught.value, MpzswapError)
    assert (rig.zswap.stats().decompress_fail, rig.zswap.stats().zswpin) == (1, 0)
    rig.fake.decompress_errors = {}
    assert rig.load(5) == text(1)


def test_other_pages_are_loaded_all_the_same() -> None:
    """One page's error is its own: only those that failed are still stored."""
    rig = Rig()
    rig.store(PAGES)
    rig.fake.decompress_errors = {67: -errno.EIO, 69: -errno.EINVAL}

    with pytest.raises(LoadError, match="1 more") as caught:
        rig.zswap.load_many(range(6), rig.frames, range(64, 70))

    assert caught.value.failures == {3: -errno.EIO, 5: -errno.EINVAL}
    assert [offset for offset in range(6) if offset in rig.zswap] == [3, 5]
    assert rig.frames.views[64] == PAGES[0]
    assert rig.zswap.stats().zswpin == 4
