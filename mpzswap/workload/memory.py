"""
One worker's memory: what is resident, what is swapped, and who goes next.

    untouched --write--> resident --reclaim--> swapped --fault--> resident
                          |  ^  ^                |  ^    (its page is in zswap)
                          +--+  +--touch: a hit--+--+--reclaim
              rejected: stays, and goes           read ahead, with another's fault
              to the end of the list              given up: untouched again

The limit is a worker's share of memory.high of all, and as in the kernel it counts
what is resident and the bytes that are stored, not the pool's pages, whose number
depends on the order in which they came: whoever goes over it reclaims, from the cold
end of a list of its own.  In the kernel workers share one list; shares of one
size make a run the same whoever was first.  It is a soft limit: where nothing can
be reclaimed, work goes on above it.

A page has one offset for good, in whatever swap area it is: with several, windows of
readahead have fewer pages than in the kernel, where offsets are given out in turn.

Source: Linux, mm/vmscan.c (shrink_folio_list, SWAP_CLUSTER_MAX), mm/memory.c
(do_swap_page; alloc_swap_folio: what was swapped from a large folio comes back page
by page), mm/swap_state.c (swap_cluster_readahead).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from itertools import cycle, repeat
from typing import TypeAlias

from mpzswap.clock.steps import Step
from mpzswap.clock.work import Clock
from mpzswap.errors import LoadError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames
from mpzswap.zswap.readahead import Readahead
from mpzswap.zswap.reclaim_plug import PlugStats, ReclaimPlug
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_entry import swp_entry, swp_type
from mpzswap.zswap.writeback import SWAP_CLUSTER_MAX
from mpzswap.zswap.zswap import Zswap


class Where(IntEnum):
    """Where a page is."""

    UNTOUCHED = 0
    RESIDENT = 1
    SWAPPED = 2
    # In the swap cache: resident, and not touched since it was read ahead.
    READ_AHEAD = 3


# Plain integers: a member of an enum is found and compared at three times the cost.
UNTOUCHED, RESIDENT, SWAPPED, READ_AHEAD = map(int, Where)
RESIDENT_PAGE, SWAPPED_PAGE = bytes([RESIDENT]), bytes([SWAPPED])

# Ours: a reclaim goes below the limit by no more than this part of it.
MAX_BATCH_SHARE = 8

# What a folio costs to swap out, by its pages; of another size, as the next smaller.
SWAP_OUT_STEPS = (
    (512, Step.SWAP_OUT_2M),
    (16, Step.SWAP_OUT_64K),
    (8, Step.SWAP_OUT_32K),
    (4, Step.SWAP_OUT_16K),
    (1, Step.SWAP_OUT_4K),
)

# A resident folio: first page, pages, node.
Resident: TypeAlias = tuple[int, int, int]


@dataclass(eq=False)
class Memory:
    """
    A worker's pages; the page at frame i is swapped to offset i of a swap area.

    Args:
        frames: the pages themselves.
        zswap: where they go.
        high_pages: our share of memory.high.
        reclaim_batch: folios that are stored together, vm.compress-batchsize.
        page_cluster: up to 2 to this power pages are loaded together,
            vm.page-cluster.
        clock: told of each folio that is swapped out.
        nodes: the nodes that folios lie on, in turn.
    """

    frames: Frames
    zswap: Zswap
    high_pages: int
    reclaim_batch: int
    page_cluster: int
    clock: Clock
    nodes: Sequence[int] = (0,)
    resident: int = 0
    # Pages that came back,
    pages_loaded: int = 0
    # ... with a fault of another, as vmstat's swap_ra,
    swap_ra: int = 0
    # ... and were touched before they were reclaimed, as vmstat's swap_ra_hit.
    swap_ra_hit: int = 0
    # Pages that were handed to zswap, and those that were given up while swapped.
    pages_out: int = 0
    pages_dropped: int = 0
    reclaim: PlugStats = field(default_factory=PlugStats)
    # Folios from the coldest to the hottest.
    lru: deque[Resident] = field(default_factory=deque)
    where: bytearray = field(init=False)
    # The swap area of each page that is swapped.
    area: bytearray = field(init=False)
    # Pages that are being touched.
    _in_use: range = range(0)

    def __post_init__(self) -> None:
        """Begin with nothing touched."""
        self.where = bytearray(len(self.frames))
        self.area = bytearray(len(self.frames))
        self._readahead = Readahead(self.page_cluster)
        self._next_nodes = cycle(self.nodes)
        self._swap_out = partial(self.zswap.swap_out, self.frames)

    def touch(self, first: int, count: int) -> None:
        """
        Touch the pages of a folio, in order: all are resident then.

        None of them is reclaimed before the whole is done.

        Raises:
            LoadError: pages could not be loaded, and are still stored; of several
                faults that failed, the first.  All others are resident.
        """
        end = first + count
        part = self.where[first:end]
        if part.count(RESIDENT) == count:
            return
        self._in_use = range(first, end)
        if part.count(UNTOUCHED) == count:
            self.where[first:end] = RESIDENT_PAGE * count
            self._charge([(first, count, next(self._next_nodes))], count)
            return
        failures: dict[int, LoadError] = {}
        page = first
        while page < end:
            page += self._touch_run(page, end, failures)
        for page, failure in failures.items():
            # A later fault may have read it ahead after all.
            if self.where[page] == SWAPPED:
                raise failure
            self._touch_run(page, page + 1, {})

    def drop(self, pages: range) -> list[int]:
        """
        Give up those of *pages* that are swapped; give the others.

        As MADV_DONTNEED does with what is in swap: nobody will read them again.
        """
        swapped = [page for page in pages if self.where[page] == SWAPPED]
        for page in swapped:
            self.zswap.invalidate(swp_entry(self.area[page], page))
            self.where[page] = UNTOUCHED
        self.pages_dropped += len(swapped)
        return [page for page in pages if self.where[page] != UNTOUCHED]

    def forget(self) -> None:
        """Give everything back, as a process does that exits."""
        self.resident = 0
        self.zswap.close()

    def _touch_run(self, page: int, end: int, failures: dict[int, LoadError]) -> int:
        """
        Make pages from *page* on resident, of which one can be swapped; note failures.

        Returns:
            How many: as many as are alike, or one.
        """
        where = self.where[page]
        if where == SWAPPED:
            failed = self._fault(page)
            if failed is not None:
                failures[page] = failed
            return 1
        if where == UNTOUCHED:
            self.where[page] = RESIDENT
            self._charge([(page, 1, next(self._next_nodes))], 1)
            return 1
        rest = self.where[page:end]
        count = len(rest) - len(rest.lstrip(rest[:1]))
        if where == READ_AHEAD:
            self.where[page : page + count] = RESIDENT_PAGE * count
            self.swap_ra_hit += count
            self._readahead.hits += count
        return count

    def _fault(self, page: int) -> LoadError | None:
        """Load a page and those of its window; only its own failure is one."""
        pages = self._window(page)
        above = swp_entry(self.area[page], 0)
        entries = [above | each for each in pages]
        try:
            self.zswap.load_many(entries, self.frames, pages)
        except BaseException as error:
            # What is stored no more was loaded, whatever became of the others.
            stored = self.zswap
            self._came(page, [each for each in pages if above | each not in stored])
            if not isinstance(error, LoadError):
                raise
            return error if above | page in error.failures else None
        self._came(page, pages)
        return None

    def _window(self, page: int) -> list[int]:
        """Give the swapped pages of the window around *page*, which is one."""
        where, area = self.where, self.area
        own = area[page]
        window = self._readahead.window(page)
        start, stop = window.start, min(window.stop, len(where))
        count = stop - start
        if where.count(SWAPPED, start, stop) == area.count(own, start, stop) == count:
            return [*range(start, stop)]
        return [
            each
            for each in range(start, stop)
            if where[each] == SWAPPED and area[each] == own
        ]

    def _came(self, touched: int, pages: list[int]) -> None:
        """Note pages that were loaded, for a fault of *touched*."""
        count = len(pages)
        self.pages_loaded += count
        self.swap_ra += count
        where = self.where
        for page in pages:
            where[page] = READ_AHEAD
        if touched in pages:
            where[touched] = RESIDENT
            self.swap_ra -= 1
        self._charge(zip(pages, repeat(1), self._next_nodes, strict=False), count)

    def _charge(self, folios: Iterable[Resident], nr_pages: int) -> None:
        """Charge folios that are resident now; reclaim if that is over the limit."""
        self.resident += nr_pages
        self.lru.extend(folios)
        while (over := self._over()) > 0:
            if not self._reclaim(max(over, self._batch_pages())):
                break

    def _batch_pages(self) -> int:
        """
        Give the pages to reclaim at a time: a batch of folios as large as the coldest.

        The kernel's SWAP_CLUSTER_MAX are two folios of 64 KiB, for which devices
        would be waited for each time: with 32 of them swap-out is 1.6 times as fast
        (lz4, two devices).  No more than a share of what may be resident, so that a
        small memory is not emptied.
        """
        coldest = self.lru[0][1] if self.lru else 1
        most = self.high_pages // MAX_BATCH_SHARE
        return max(SWAP_CLUSTER_MAX, min(self.reclaim_batch * coldest, most))

    def _over(self) -> int:
        stored_pages = -(-self.zswap.charged_bytes // PAGE_SIZE)
        return self.resident + stored_pages - self.high_pages

    def _reclaim(self, wanted: int) -> int:
        """Swap a cluster of cold folios out; give the pages that were freed."""
        cluster = self._isolate(wanted)
        plug = ReclaimPlug(self._swap_out, self.reclaim_batch, self.reclaim)
        next_type = self.zswap.next_swap_type
        freed = 0
        try:
            for first, count, node in cluster:
                self.clock.spend(step_of(count), count)
                entry = swp_entry(next_type(count), first)
                plug.add(Folio(entry, first, count), node)
            plug.finish()
        finally:
            freed = self._settle(cluster, plug)
        return freed

    def _isolate(self, wanted: int) -> list[Resident]:
        """Take a cluster of cold folios off the list."""
        cluster: list[Resident] = []
        pages = 0
        for _ in range(len(self.lru)):
            if len(cluster) == SWAP_CLUSTER_MAX or pages >= wanted:
                break
            folio = self.lru.popleft()
            if folio[0] in self._in_use:
                self.lru.append(folio)
            else:
                cluster.append(folio)
                pages += folio[1]
        return cluster

    def _settle(self, cluster: list[Resident], plug: ReclaimPlug) -> int:
        """Take back what stays; give the pages that were freed."""
        freed = 0
        for resident, (folio, where) in zip(cluster, plug.done, strict=False):
            first, count = folio.frame, folio.nr_pages
            self.pages_out += count
            if not where:
                self.lru.append(resident)
                continue
            freed += count
            area = swp_type(folio.swap_offset)
            if count == 1:
                self.where[first], self.area[first] = SWAPPED, area
            else:
                self.where[first : first + count] = SWAPPED_PAGE * count
                self.area[first : first + count] = bytes([area]) * count
        # Interrupted: what was not handed over is as cold as it was.
        self.lru.extendleft(reversed(cluster[len(plug.done) :]))
        self.resident -= freed
        return freed


def step_of(nr_pages: int) -> Step:
    """Give what swapping a page of such a folio out takes."""
    return next(step for least, step in SWAP_OUT_STEPS if nr_pages >= least)
