"""A worker's memory over the fake transform: faults, readahead, reclaim, areas."""

import errno
from collections.abc import Sequence
from typing import Any

import pytest

from mpzswap.clock.steps import Step
from mpzswap.errors import LoadError
from mpzswap.topology.settings import ZswapSettings
from mpzswap.workload.memory import Memory, Where, step_of
from mpzswap.zswap.reclaim_plug import PlugStats
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_entry import swp_entry
from mpzswap.zswap.swap_out import SwappedTo
from tests.tools.manual_clock import ManualClock
from tests.tools.zswap_rig import Disk, Rig, noise, text

# Loads are one request each: as many pages of it as there are in a window.
SETTINGS = ZswapSettings(batch_size=32)
NR_PAGES = 64


def memory_of(rig: Rig, /, **more: object) -> Memory:
    """Give a memory of 64 pages, each of its own text."""
    rig.fill([text(page) for page in range(NR_PAGES)])
    settings = {"high_pages": 10_000, "reclaim_batch": 32, "page_cluster": 3} | more
    settings |= {"clock": ManualClock()}
    return Memory(rig.frames.part(0, NR_PAGES), rig.zswap, **settings)  # type: ignore[arg-type]  # as given


def swapped(rig: Rig, folio_pages: int = 1, **more: object) -> Memory:
    """Give a memory of which all is swapped, and which has no limit any more."""
    memory = memory_of(rig, **more)
    for first in range(0, NR_PAGES, folio_pages):
        memory.touch(first, folio_pages)
    # No page is kept: the last touch is over.
    memory._in_use = range(0)
    while memory.resident:
        assert memory._reclaim(NR_PAGES)
    for page in range(NR_PAGES):
        memory.frames.views[page][:] = noise(page)
    memory._readahead.hits = 0
    return memory


def touch_each(memory: Memory, pages: Sequence[int]) -> None:
    """Touch pages one by one; each must be what it was."""
    for page in pages:
        memory.touch(page, 1)
        assert memory.frames.views[page] == text(page)


def test_windows_of_pages_in_order_grow() -> None:
    """To 2**page_cluster pages; all others are hits."""
    rig = Rig(SETTINGS)
    memory = swapped(rig)
    touch_each(memory, range(32))

    assert rig.fake.decompressed == [1, 1, 2, 4, 8, 8, 8]
    assert (memory.pages_loaded, memory.swap_ra, memory.swap_ra_hit) == (32, 25, 25)


def test_first_windows_are_large() -> None:
    """The kernel begins as if there had been hits."""
    rig = Rig(SETTINGS)
    memory = swapped(rig)
    memory._readahead.hits = 4
    touch_each(memory, range(16))

    assert rig.fake.decompressed == [8, 8]


def test_pages_in_no_order_are_loaded_alone() -> None:
    """Nothing is read ahead, so nothing is hit."""
    rig = Rig(SETTINGS)
    memory = swapped(rig)
    touch_each(memory, [40, 3, 21, 60, 9])

    assert rig.fake.decompressed == [1] * 5
    assert (memory.pages_loaded, memory.swap_ra, memory.swap_ra_hit) == (5, 0, 0)


def test_folio_that_was_swapped_comes_back_in_windows() -> None:
    """One touch of 16 pages is two faults, and the rest are hits."""
    rig = Rig(SETTINGS)
    memory = swapped(rig, folio_pages=16)
    memory._readahead.hits = 4
    memory.touch(16, 16)

    assert rig.fake.decompressed == [8, 8]
    assert (memory.pages_loaded, memory.swap_ra, memory.swap_ra_hit) == (16, 14, 14)
    assert memory.resident == 16
    assert list(memory.lru) == [(page, 1, 0) for page in range(16, 32)]


def test_page_read_ahead_is_charged_and_can_be_reclaimed() -> None:
    """Then it was read in vain: no hit, and it is loaded again."""
    rig = Rig(SETTINGS)
    memory = swapped(rig)
    memory._readahead.hits = 2
    memory.touch(8, 1)
    assert [memory.where[page] for page in range(8, 12)] == [
        Where.RESIDENT,
        *[Where.READ_AHEAD] * 3,
    ]
    assert memory.resident == 4
    memory._in_use = range(0)
    memory._reclaim(32)
    assert (memory.resident, memory.where[9]) == (0, Where.SWAPPED)

    touch_each(memory, [9])
    assert (memory.swap_ra_hit, memory.swap_ra) == (0, 4)


def test_hit_is_counted_once() -> None:
    """Later touches find a page like any other."""
    memory = swapped(Rig(SETTINGS))
    memory._readahead.hits = 2
    touch_each(memory, [8, 9, 9, 9])

    assert (memory.swap_ra, memory.swap_ra_hit) == (3, 1)


def test_page_read_ahead_that_fails_is_no_failure() -> None:
    """It stays swapped until it is touched itself; then it is one."""
    rig = Rig(SETTINGS)
    memory = swapped(rig)
    memory._readahead.hits = 2
    rig.fake.decompress_errors = {9: -errno.EIO}
    memory.touch(8, 1)

    assert [memory.where[page] for page in (8, 9, 10)] == [
        Where.RESIDENT,
        Where.SWAPPED,
        Where.READ_AHEAD,
    ]
    assert (memory.pages_loaded, memory.swap_ra) == (3, 2)
    with pytest.raises(LoadError, match=r"^swap offset 9: decompression failed"):
        memory.touch(9, 1)


def test_failure_leaves_the_other_pages_of_the_touch() -> None:
    """They are resident and right; what failed is still stored and comes back."""
    rig = Rig(SETTINGS)
    memory = swapped(rig, folio_pages=16)
    memory._readahead.hits = 4
    rig.fake.decompress_errors = {0: -errno.EIO, 11: -errno.EIO}
    with pytest.raises(LoadError, match=r"^swap offset 0: "):
        memory.touch(0, 16)

    assert [page for page in range(16) if memory.where[page] != Where.RESIDENT] == [
        0,
        11,
    ]
    assert (memory.pages_loaded, memory.resident) == (14, 14)
    rig.fake.decompress_errors = {}
    touch_each(memory, range(16))
    assert memory.pages_loaded == 16


def test_page_that_failed_may_come_with_a_later_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then it is resident as all others are, and nothing has failed."""
    rig = Rig(SETTINGS)
    memory = swapped(rig)
    load_many = rig.zswap.load_many

    def fail_once(*wanted: Any) -> None:  # noqa: ANN401 - handed on
        try:
            load_many(*wanted)
        finally:
            rig.fake.decompress_errors = {}

    monkeypatch.setattr(rig.zswap, "load_many", fail_once)
    rig.fake.decompress_errors = {0: -errno.EIO}
    memory.touch(0, 2)

    assert list(memory.where[:2]) == [Where.RESIDENT] * 2
    assert (memory.swap_ra, memory.swap_ra_hit) == (1, 1)


def test_page_that_is_touched_is_not_reclaimed() -> None:
    """Though it is the coldest."""
    rig = Rig(SETTINGS)
    memory = memory_of(rig, high_pages=8)
    memory.touch(0, 8)
    memory.touch(0, 16)

    assert list(memory.where[:16]) == [Where.RESIDENT] * 16


def test_limit_counts_the_bytes_that_are_stored() -> None:
    """Not the pool's pages: those of one small page are several."""
    rig = Rig(SETTINGS)
    memory = memory_of(rig, high_pages=32)
    for page in range(NR_PAGES):
        memory.touch(page, 1)

    stored = rig.zswap.charged_bytes
    assert 0 < stored < rig.zswap.pool_pages * 4096
    assert memory.resident + -(-stored // 4096) <= 32


def test_folio_that_is_rejected_is_the_hottest() -> None:
    """It stays, and the others are tried before it is again."""
    rig = Rig(SETTINGS, max_pages=0)
    memory = memory_of(rig)
    for first in range(0, 48, 16):
        memory.touch(first, 16)
    memory._in_use = range(0)

    assert memory._reclaim(16) == 0
    assert [first for first, _, _ in memory.lru] == [16, 32, 0]
    assert (memory.resident, memory.where.count(Where.RESIDENT)) == (48, 48)


def test_folios_go_to_the_swap_areas_in_turn() -> None:
    """Each batch is for one of them, and a page is found where it is."""
    disks = [Disk(), Disk()]
    rig = Rig(SETTINGS, max_pages=0, swap=disks)
    memory = swapped(rig, folio_pages=16)

    assert [len(disk) for disk in disks] == [32, 32]
    assert memory.reclaim == PlugStats(batches=4, folios=4, swap_area=3, list_end=1)
    assert swp_entry(1, 16) in rig.zswap
    touch_each(memory, range(NR_PAGES))


def test_window_is_of_one_swap_area() -> None:
    """Neighbours in another are not read with a page."""
    rig = Rig(SETTINGS, swap=[Disk(), Disk()])
    memory = swapped(rig)
    memory._readahead.hits = 4
    touch_each(memory, [8])

    assert [
        page for page in range(NR_PAGES) if memory.where[page] != Where.SWAPPED
    ] == [
        8,
        10,
        12,
        14,
    ]


def test_folios_lie_on_the_nodes_in_turn() -> None:
    """So that each batch has one folio; on one node they go together."""
    apart = swapped(Rig(SETTINGS), folio_pages=16, nodes=(0, 1))
    together = swapped(Rig(SETTINGS), folio_pages=16, nodes=(1,))

    assert apart.reclaim == PlugStats(batches=4, folios=4, node=3, list_end=1)
    assert together.reclaim == PlugStats(batches=1, folios=4, list_end=1)


def test_interrupted_reclaim_loses_no_folio(monkeypatch: pytest.MonkeyPatch) -> None:
    """What went is swapped; the rest stays at the cold end, in order."""
    rig = Rig(SETTINGS)
    memory = memory_of(rig, reclaim_batch=2)
    for first in range(0, NR_PAGES, 8):
        memory.touch(first, 8)
    memory._in_use = range(0)
    swap_out, calls = memory._swap_out, iter(range(9))

    def interrupted(folios: Sequence[Folio]) -> list[SwappedTo]:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return swap_out(folios)

    monkeypatch.setattr(memory, "_swap_out", interrupted)
    with pytest.raises(KeyboardInterrupt):
        memory._reclaim(48)

    assert [first for first, _, _ in memory.lru] == list(range(16, NR_PAGES, 8))
    assert (memory.resident, len(rig.zswap)) == (48, 16)
    assert memory.where == bytes([Where.SWAPPED]) * 16 + bytes([Where.RESIDENT]) * 48


def test_dropped_pages_are_forgotten_where_they_are_swapped() -> None:
    """The others stay, and a later touch finds the dropped ones untouched."""
    rig = Rig(SETTINGS)
    memory = swapped(rig, page_cluster=0)
    touch_each(memory, [5, 6])

    assert memory.drop(range(4, 8)) == [5, 6]
    assert (memory.pages_dropped, rig.zswap.stats().invalidated_pages) == (2, 2)
    assert len(rig.zswap) == memory.where.count(Where.SWAPPED) == NR_PAGES - 4
    memory.touch(4, 4)
    assert memory.pages_loaded == 2


def test_memory_is_given_back_at_the_end() -> None:
    """As by a process that exits."""
    rig = Rig(SETTINGS)
    memory = swapped(rig)
    memory.forget()

    assert (memory.resident, rig.words[0]) == (0, 0)


@pytest.mark.parametrize(
    ("high_pages", "reclaim_batch", "pages"),
    [(10_000, 32, 512), (10_000, 8, 128), (10_000, 1, 32), (800, 32, 100), (8, 32, 32)],
)
def test_reclaim_is_of_a_whole_batch(
    high_pages: int, reclaim_batch: int, pages: int
) -> None:
    """Of folios like the coldest; of a small memory only a part is taken."""
    memory = memory_of(Rig(), high_pages=high_pages, reclaim_batch=reclaim_batch)
    memory.touch(0, 16)
    memory.touch(16, 1)

    assert memory._batch_pages() == pages


@pytest.mark.parametrize(
    ("nr_pages", "step"),
    [
        (1, Step.SWAP_OUT_4K),
        (3, Step.SWAP_OUT_4K),
        (4, Step.SWAP_OUT_16K),
        (8, Step.SWAP_OUT_32K),
        (16, Step.SWAP_OUT_64K),
        (511, Step.SWAP_OUT_64K),
        (512, Step.SWAP_OUT_2M),
        (1024, Step.SWAP_OUT_2M),
    ],
)
def test_swap_out_costs_what_a_folio_of_its_size_does(
    nr_pages: int, step: Step
) -> None:
    """Of a size in between, what the next smaller one does."""
    assert step_of(nr_pages) == step


def test_every_folio_that_is_reclaimed_is_told_to_the_clock() -> None:
    """Each page of it; whatever becomes of it."""
    rig = Rig(SETTINGS)
    memory = memory_of(rig)
    for first in range(0, NR_PAGES, 16):
        memory.touch(first, 16)
    memory._in_use = range(0)
    memory._reclaim(32)

    assert isinstance(memory.clock, ManualClock)
    assert memory.clock.spent == [(Step.SWAP_OUT_64K, 16)] * 2
