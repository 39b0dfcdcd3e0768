"""
One worker's memory: what is resident, what is swapped, and who goes next.

    untouched --write--> resident --reclaim--> swapped --touch--> resident
                            |  ^                  (its page is in zswap)
                            +--+ rejected: stays, and goes to the end of the list

The limit is a worker's share of memory.high of all, and as in the kernel it counts
what is resident and the bytes that are stored, not the pool's pages, whose number
depends on the order in which they came: whoever goes over it reclaims, from the cold
end of a list of its own.  In the kernel workers share one list; shares of one
size make a run the same whoever was first.  It is a soft limit: where nothing can
be reclaimed, work goes on above it.

Source: Linux, mm/vmscan.c (shrink_folio_list, SWAP_CLUSTER_MAX), mm/memory.c
(alloc_swap_folio: what was swapped from a large folio comes back page by page).
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import IntEnum

from mpzswap.errors import LoadError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames
from mpzswap.zswap.store import Folio
from mpzswap.zswap.writeback import SWAP_CLUSTER_MAX
from mpzswap.zswap.zswap import Zswap


class Where(IntEnum):
    """Where a page is."""

    UNTOUCHED = 0
    RESIDENT = 1
    SWAPPED = 2


@dataclass(eq=False)
class Memory:
    """
    A worker's pages; the page at frame i is swapped to offset i.

    Args:
        frames: the pages themselves.
        zswap: where they go.
        high_pages: our share of memory.high.
        reclaim_batch: folios that are stored together, vm.compress-batchsize.
        page_cluster: 2 to this power pages are loaded together, vm.page-cluster.
    """

    frames: Frames
    zswap: Zswap
    high_pages: int
    reclaim_batch: int
    page_cluster: int
    resident: int = 0
    # Folios (first page, pages) from the coldest to the hottest.
    lru: deque[tuple[int, int]] = field(default_factory=deque)
    where: bytearray = field(init=False)
    # Pages that are being touched.
    _in_use: range = range(0)

    def __post_init__(self) -> None:
        """Begin with nothing touched."""
        self.where = bytearray(len(self.frames))

    def touch(self, first: int, count: int) -> list[int]:
        """
        Make the pages of a folio resident; give those that came from zswap.

        None of them is reclaimed before the whole is done.

        Raises:
            MpzswapError: a page could not be loaded; it is still stored.
        """
        part = self.where[first : first + count]
        if part.count(Where.RESIDENT) == count:
            return []
        self._in_use = range(first, first + count)
        if not part.count(Where.SWAPPED):
            self._add(first, count)
            self.lru.append((first, count))
            return []
        absent = [first + i for i, where in enumerate(part) if where != Where.RESIDENT]
        swapped = [page for page in absent if self.where[page] == Where.SWAPPED]
        try:
            self._swap_in(swapped)
            for page in absent:
                if self.where[page] == Where.UNTOUCHED:
                    self._add(page, 1)
        finally:
            self.lru.extend(
                (page, 1) for page in absent if self.where[page] == Where.RESIDENT
            )
        return swapped

    def forget(self) -> None:
        """Give everything back, as a process does that exits."""
        self.resident = 0
        self.zswap.close()

    def _swap_in(self, pages: list[int]) -> None:
        """Load pages, window by window."""
        window = 1 << self.page_cluster
        for at in range(0, len(pages), window):
            part = pages[at : at + window]
            failed: Collection[int] = ()
            try:
                self.zswap.load_many(part, self.frames, part)
            except LoadError as error:
                failed = error.failures
                raise
            finally:
                # The others of the window were loaded, and are stored no more.
                for page in part:
                    if page not in failed and page not in self.zswap:
                        self._add(page, 1)

    def _add(self, first: int, count: int) -> None:
        """Charge pages, then reclaim if that went over the limit."""
        self.where[first : first + count] = bytes([Where.RESIDENT]) * count
        self.resident += count
        while (over := self._over()) > 0:
            if not self._reclaim(max(over, SWAP_CLUSTER_MAX)):
                break

    def _over(self) -> int:
        stored_pages = -(-self.zswap.charged_bytes // PAGE_SIZE)
        return self.resident + stored_pages - self.high_pages

    def _reclaim(self, wanted: int) -> int:
        """Store a cluster of cold folios; give the pages that were freed."""
        cluster: list[tuple[int, int]] = []
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
        freed = 0
        for at in range(0, len(cluster), self.reclaim_batch):
            freed += self._store(cluster[at : at + self.reclaim_batch])
        self.resident -= freed
        return freed

    def _store(self, folios: list[tuple[int, int]]) -> int:
        stored = self.zswap.swap_out(
            self.frames, [Folio(first, first, count) for first, count in folios]
        )
        freed = 0
        for (first, count), taken in zip(folios, stored, strict=True):
            if taken:
                self.where[first : first + count] = bytes([Where.SWAPPED]) * count
                freed += count
            else:
                self.lru.append((first, count))
        return freed
