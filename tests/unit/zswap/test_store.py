"""Storing folios: whole or not at all."""

import errno

import pytest

from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.store import Folio, FolioState
from tests.tools.zswap_rig import SAME, ZERO, Rig, let_fail, noise, text

NO_WRITEBACK = ZswapSettings(writeback=False)


def texts(count: int, first: int = 0) -> list[bytes]:
    """Give *count* pages that compress."""
    return [text(first + seed) for seed in range(count)]


@pytest.mark.parametrize("batching", ["off", "requests", "driver"])
def test_stored_folio_comes_back(batching: str) -> None:
    """Pages of each kind are the same after a store and a load."""
    rig = Rig(ZswapSettings(batching=batching))  # type: ignore[arg-type]  # a mode
    pages = [ZERO, *texts(8), SAME, noise(1), *texts(5, 20)]

    assert rig.store(pages, 32)
    assert [rig.load(32 + index) for index in range(16)] == pages


@pytest.mark.parametrize(
    ("batching", "requests"),
    [("off", [1] * 16), ("requests", [1] * 16), ("driver", [8, 8])],
)
def test_folio_of_64k_is_two_sub_batches(batching: str, requests: list[int]) -> None:
    """Sixteen pages are two sub-batches of eight, cut as the mode says."""
    rig = Rig(ZswapSettings(batching=batching))  # type: ignore[arg-type]  # a mode
    rig.store(texts(16))

    assert rig.fake.compressed == requests


def test_sub_batch_is_filled_across_folios() -> None:
    """Eight folios of one page are one request: the series' batch of folios."""
    rig = Rig()
    rig.fill(texts(8))
    folios = [Folio(100 * index, index) for index in range(8)]

    assert rig.zswap.store(rig.frames, folios) == [True] * 8
    assert rig.fake.compressed == [8]
    assert rig.load(300) == text(3)


def test_same_filled_pages_are_not_compressed() -> None:
    """Their value is all that is kept; the pool takes no page for it."""
    rig = Rig()
    rig.store([ZERO, SAME])
    stats = rig.zswap.stats()

    assert rig.fake.compressed == []
    assert (stats.same_filled_pages, stats.same_filled_out) == (2, 2)
    assert (stats.pool_total_size, stats.stored_pages, stats.zswpout) == (0, 2, 2)


def test_same_filled_pages_are_compressed_where_switched_off() -> None:
    """Without the check a zero page is a page like any other."""
    rig = Rig(ZswapSettings(same_filled_pages_enabled=False))
    rig.store([ZERO])

    assert rig.fake.compressed == [1]
    assert rig.zswap.stats().compressed_out == 1


@pytest.mark.parametrize("overflow_error", [0, -errno.ENOSPC, -errno.E2BIG])
def test_incompressible_page_is_kept_where_writeback_is_on(
    overflow_error: int,
) -> None:
    """It may be written back later, so it is stored as it is, whatever said so."""
    rig = Rig()
    rig.fake.overflow_error = overflow_error

    assert rig.store([noise(1)])
    stats = rig.zswap.stats()
    assert (stats.stored_incompressible_pages, stats.incompressible_out) == (1, 1)
    assert (stats.incompressible_error_out, stats.reject_compress_poor) == (0, 0)
    assert rig.load(0) == noise(1)
    assert rig.zswap.stats().stored_incompressible_pages == 0


@pytest.mark.parametrize("overflow_error", [0, -errno.ENOSPC, -errno.E2BIG])
def test_incompressible_page_is_rejected_without_writeback(
    overflow_error: int,
) -> None:
    """It would stay for ever and save nothing; the books call that poor."""
    rig = Rig(NO_WRITEBACK)
    rig.fake.overflow_error = overflow_error

    assert not rig.store([noise(1)])
    stats = rig.zswap.stats()
    assert (stats.reject_compress_poor, stats.rejected_poor_pages) == (1, 1)
    assert stats.reject_compress_fail == 0


@pytest.mark.parametrize("error", [-errno.ETIMEDOUT, -errno.ENODEV, -errno.EINVAL])
def test_failed_page_is_kept_where_writeback_is_on(error: int) -> None:
    """A page is not lost for a device's error, and the books tell it from poor."""
    rig = Rig()
    rig.fake.compress_errors = {0: error}

    assert rig.store(texts(2))
    assert rig.zswap.stats().incompressible_error_out == 1
    assert rig.load(0) == text(0)


@pytest.mark.parametrize("error", [-errno.ETIMEDOUT, -errno.ENODEV, -errno.EINVAL])
def test_failed_page_is_rejected_without_writeback(error: int) -> None:
    """An error that says nothing about size is a failure, not a poor result."""
    rig = Rig(NO_WRITEBACK)
    rig.fake.compress_errors = {0: error}

    assert not rig.store(texts(2))
    stats = rig.zswap.stats()
    assert (stats.reject_compress_fail, stats.rejected_fail_pages) == (1, 2)
    assert stats.reject_compress_poor == 0


def test_empty_result_counts_as_poor() -> None:
    """Zero bytes are not a page; the kernel treats them as incompressible."""
    rig = Rig(NO_WRITEBACK)
    state = FolioState(Folio(0, 0))
    request = rig.fake.allocate(1)
    request.lengths, request.errors, request.paths = [0], [0], [1]
    rig.zswap._store.take(rig.frames, request, [(0, rig.frames.address, state, 0)])

    assert state.rejected
    assert rig.zswap.stats().reject_compress_poor == 1


@pytest.mark.parametrize("bad", [0, 7, 8, 15])
def test_one_bad_page_rejects_its_folio_alone(bad: int) -> None:
    """Nothing of the folio is kept; those before and behind it are untouched."""
    rig = Rig(NO_WRITEBACK)
    rig.fill(texts(48))
    rig.fake.compress_errors = {16 + bad: -errno.ETIMEDOUT}
    folios = [Folio(0, 0, 16), Folio(16, 16, 16), Folio(32, 32, 16)]

    assert rig.zswap.store(rig.frames, folios) == [True, False, True]
    stored = [offset for offset in range(48) if offset in rig.zswap]
    assert stored == [*range(16), *range(32, 48)]
    assert rig.load(40) == text(40)


def test_rest_of_a_rejected_folio_is_not_compressed() -> None:
    """Pages that were not submitted when the folio failed are skipped."""
    rig = Rig(ZswapSettings(writeback=False, batching="off"))
    rig.fake.compress_errors = {2: -errno.ENODEV}
    rig.store(texts(16))

    assert rig.fake.compressed == [1] * 3


def test_rejected_folio_frees_its_memory() -> None:
    """What was stored of it is given back, same-filled pages among it."""
    rig = Rig(NO_WRITEBACK)
    rig.fake.compress_errors = {15: -errno.ENODEV}
    rig.store([ZERO, *texts(15)])
    stats = rig.zswap.stats()

    assert (stats.pool_total_size, stats.same_filled_pages, len(rig.zswap)) == (0, 0, 0)


def test_store_replaces_what_was_there() -> None:
    """The page stored last is the one that is loaded; the older one is freed."""
    rig = Rig(ZswapSettings(exclusive_loads=False))
    for page in (text(1), ZERO, noise(1), text(2)):
        assert rig.store([page])
        assert rig.load(0) == page

    assert len(rig.zswap) == 1
    rig.zswap.invalidate(0)
    assert rig.zswap.stats().pool_total_size == 0


@pytest.mark.parametrize("bad", [0, 3])
def test_failed_store_leaves_no_stale_page(bad: int) -> None:
    """The older pages are wrong by now: none of the folio's offsets keeps one."""
    rig = Rig(NO_WRITEBACK)
    rig.store(texts(6), 10)
    rig.fake.compress_errors = {bad: -errno.ENODEV}

    assert not rig.store(texts(4, 50), 11)
    assert [offset for offset in range(20) if offset in rig.zswap] == [10, 15]


def test_folio_rejected_at_the_limit_leaves_no_stale_page() -> None:
    """That the pool is full does not make older pages true."""
    rig = Rig(max_pages=1)
    rig.store([noise(1)])

    assert not rig.store([text(1)])
    assert 0 not in rig.zswap


def test_full_pool_rejects_until_the_threshold() -> None:
    """At the limit folios are rejected, and taken again once pages are gone."""
    rig = Rig(max_pages=10)
    results = [rig.store([noise(offset)], offset) for offset in range(12)]

    assert results == [True] * 10 + [False] * 2
    stats = rig.zswap.stats()
    assert (stats.pool_limit_hit, stats.rejected_limit_pages) == (2, 2)
    rig.zswap.invalidate(0)
    assert rig.store([noise(20)], 20)


def test_other_cpus_fill_the_pool_too() -> None:
    """The limit is of the sum of all CPUs' words."""
    rig = Rig(max_pages=10)
    rig.limit.words = memoryview(bytearray(16)).cast("Q")
    rig.limit.words[1] = 10

    assert not rig.store([text(1)])


def test_pool_size_is_published() -> None:
    """Other CPUs see our pages after a store, a load and an invalidation."""
    rig = Rig(ZswapSettings(exclusive_loads=True))
    seen = []
    rig.store([noise(1), noise(2)])
    seen.append(rig.words[0])
    rig.load(0)
    seen.append(rig.words[0])
    rig.zswap.invalidate(1)
    seen.append(rig.words[0])

    assert seen == [2, 1, 0]


@pytest.mark.parametrize("page", [text(1), noise(1)])
def test_no_memory_rejects_the_folio(page: bytes) -> None:
    """Where the allocator has nothing, compressed or raw, that is counted."""
    rig = Rig()

    def may_fail(size: int) -> None:
        raise MemoryError(size)

    let_fail(rig, may_fail)

    assert not rig.store([page, ZERO])
    stats = rig.zswap.stats()
    assert (stats.reject_alloc_fail, stats.rejected_alloc_pages) == (1, 2)
    assert len(rig.zswap) == 0


def test_software_path_is_told_from_the_device() -> None:
    """A fallback is never reported as a success of the device."""
    rig = Rig()
    rig.fake.software = {1, 2, 4}
    rig.store([text(0), text(1), noise(2), text(3), text(4)])
    stats = rig.zswap.stats()

    assert (stats.compressed_out, stats.software_out) == (4, 2)


def test_books_balance_over_folios_of_every_fate() -> None:
    """Each page handed over is in one column, a rejected folio's all in one."""
    rig = Rig(NO_WRITEBACK)
    rig.fill([*texts(15), ZERO, *texts(3), noise(3), SAME, SAME])
    folios = [Folio(0, 0, 16), Folio(16, 16, 4), Folio(20, 20, 2)]

    assert rig.zswap.store(rig.frames, folios) == [True, False, True]
    stats = rig.zswap.stats()
    assert stats.pages_out == 22
    assert (stats.compressed_out, stats.same_filled_out) == (15, 3)
    assert (stats.rejected_pages, stats.zswpout) == (4, 18)


def test_ratio_is_of_what_was_stored() -> None:
    """Bytes are counted when a folio is kept, raw pages with all of theirs."""
    rig = Rig()
    rig.store([noise(1)])
    assert rig.zswap.stats().compression_ratio == 1

    rig.store(texts(1), 1)
    assert 1 < rig.zswap.stats().compression_ratio < 2


def test_overlapping_folios_are_refused() -> None:
    """Which of two pages would win depends on the devices: the caller's mistake."""
    rig = Rig()

    with pytest.raises(ValueError, match="8 pages at 7 swap offsets"):
        rig.zswap.store(rig.frames, [Folio(0, 0, 4), Folio(3, 4, 4)])


@pytest.mark.parametrize("frame", [-1, 125])
def test_folio_outside_the_frames_is_refused(frame: int) -> None:
    """A frame that does not exist is named before anything is done."""
    rig = Rig()

    with pytest.raises(ValueError, match=r"folio at swap offset 5: .* below 128"):
        rig.zswap.store(rig.frames, [Folio(5, frame, 4)])


def test_interrupted_store_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither half of the new data nor the old ones, and the next store works."""
    rig = Rig()
    rig.store(texts(16))

    def take(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(rig.zswap._store), "take", take)
        with pytest.raises(KeyboardInterrupt):
            rig.store(texts(32, 20))

    stats = rig.zswap.stats()
    assert (len(rig.zswap), stats.zswpout) == (0, 16)
    assert stats.pages_out == stats.zswpout + stats.rejected_pages
    assert rig.store(texts(16))
    assert rig.load(9) == text(9)
