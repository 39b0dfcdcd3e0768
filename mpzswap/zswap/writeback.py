"""
Writeback: the coldest pages leave the pool for the swap file.

    LRU -> cluster -> sub-batches -> frames of ours -> swap file -> erased from the pool
              |                        |                 |
              +-- kept, as the last of the LRU  <--------+-- cannot be had, no room

A page is written with its entry's checksum, so it is one from the store on, over
pool and disk.  An entry is erased after its page was written; in between it is in
both, and the entry is the one that counts.

Source: Linux, mm/zswap.c, shrink_worker, shrink_memcg_cb and zswap_writeback_entry.
The kernel writes one entry after the other; a cluster is ours, so that devices have
something to batch.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from mpzswap.acomp.checksum import checksum
from mpzswap.acomp.pipeline import Pipeline
from mpzswap.acomp.request import Request
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.zswap.entry import Entry
from mpzswap.zswap.limit import PoolLimit
from mpzswap.zswap.load import Load, Wanted
from mpzswap.zswap.swap_areas import SwapAreas
from mpzswap.zswap.swap_file import SwapPage

# Linux, include/linux/swap.h: pages that are written as a cluster.
SWAP_CLUSTER_MAX = 32
# Linux, mm/internal.h: clusters of which nothing could be written before we give up.
MAX_RECLAIM_RETRIES = 16


@dataclass(frozen=True, eq=False)
class Writeback:
    """The writeback of one CPU; it can write back the entries of its own."""

    load: Load
    pipeline: Pipeline
    limit: PoolLimit
    swap: SwapAreas

    def shrink(self) -> bool:
        """
        Write back our share of what is above the accept threshold.

        And as much more as there must be for room in the pool, where the others have
        yet to give up theirs.

        Returns:
            False: there is none. We have nothing more to write back, or the swap file
            is full, or MAX_RECLAIM_RETRIES clusters could not be decompressed.
        """
        entries = self.load.entries
        zsmalloc = entries.zsmalloc
        goal = zsmalloc.nr_pages - self.limit.share(zsmalloc.nr_pages)

        def wanted(_: int) -> int:
            """Give as many entries as have the pages above the goal, on average."""
            excess = zsmalloc.nr_pages - goal
            with_memory = len(entries.by_offset) - entries.same_filled
            return -(-excess * with_memory // max(1, zsmalloc.nr_pages))

        def until_room(_: int) -> int:
            """Give a cluster while the pool is full."""
            has_room = self.limit.has_shrunk(zsmalloc.nr_pages)
            return 0 if has_room else SWAP_CLUSTER_MAX

        self._reclaim(wanted)
        # The others may not give up their share before long: then more of ours goes.
        self._reclaim(until_room)
        has_room = self.limit.has_shrunk(zsmalloc.nr_pages)
        self.load.counters.reject_reclaim_fail += not has_room
        return has_room

    def write_back(self, nr_pages: int) -> int:
        """Write back up to *nr_pages* of the coldest; give how many were."""
        return self._reclaim(lambda written: nr_pages - written)

    def _reclaim(self, wanted: Callable[[int], int]) -> int:
        """
        Write clusters back until no more is wanted, or can be; give the pages.

        *wanted* is told how many pages were written, and says how many more.
        """
        counters = self.load.counters
        written = failures = 0
        while failures < MAX_RECLAIM_RETRIES and (count := wanted(written)) > 0:
            refused = counters.swap_write_fail
            cluster = self._cluster(count)
            if not cluster:
                break
            done = self._write_cluster(cluster)
            written += done
            failures += not done
            if counters.swap_write_fail > refused:
                # The disk is full, and will be so for the next cluster.
                break
        return written

    def _cluster(self, most: int) -> list[Wanted]:
        """Give the coldest entries that there are frames and slots for."""
        swap = self.swap
        count = min(most, SWAP_CLUSTER_MAX, len(swap.frames), swap.space_left)
        picked = self.load.entries.coldest(count, swap.room())
        return [
            (offset, entry, index)
            for index, (offset, entry) in enumerate(picked.items())
        ]

    def _write_cluster(self, cluster: list[Wanted]) -> int:
        """Write pages to the swap file and erase their entries; give how many."""
        entries, counters, swap = self.load.entries, self.load.counters, self.swap
        try:
            pages = self._decompress(cluster)
            written = swap.store_many(pages)
            counters.swap_write_fail += len(pages) - written
            counters.pswpout += written
            counters.written_back_pages += written
            for offset, _, _ in pages:
                if offset in swap:
                    entries.erase(offset)
        finally:
            # Interrupted: what is in both would come to light when the entry goes.
            for offset, _, _ in cluster:
                if offset in entries.by_offset:
                    swap.free(offset)
            self.limit.publish(entries.zsmalloc.nr_pages)
        return written

    def _decompress(self, cluster: list[Wanted]) -> list[SwapPage]:
        """Give the pages of a cluster, without those that cannot be had."""
        done: dict[int, memoryview] = {}
        self.pipeline.run(
            self._compressed(done, cluster),
            partial(self.load.submit, self.swap.frames),
            partial(self._take, done),
        )
        # In the order of the LRU: the coldest are written first.
        return [
            (offset, done[offset], self._checksum(entry, done[offset]))
            for offset, entry, _ in cluster
            if offset in done
        ]

    def _checksum(self, entry: Entry, page: memoryview) -> int:
        """Give the page's checksum; where there is none, one of it as it is now."""
        return entry.checksum if self.load.settings.checksum else checksum(page)

    def _compressed(
        self, done: dict[int, memoryview], cluster: list[Wanted]
    ) -> Iterator[Wanted]:
        """Give what is to be decompressed; what is as it was is written from there."""
        for page in cluster:
            offset, entry, _ = page
            if entry.length != PAGE_SIZE:
                yield page
                continue
            view = self.load.entries.zsmalloc.view(entry.handle, PAGE_SIZE)
            if self.load.fits(entry, view):
                done[offset] = view
            else:
                self.load.counters.decompress_fail += 1

    def _take(
        self, done: dict[int, memoryview], request: Request, pages: list[Wanted]
    ) -> None:
        """Note the pages of a request that has ended; count those that failed."""
        self.load.check(self.swap.frames, request, pages)
        for (offset, _, index), error in zip(pages, request.errors, strict=True):
            if error:
                self.load.counters.decompress_fail += 1
            else:
                done[offset] = self.swap.frames.views[index]
