"""
Store: N pages of any number of folios, each folio whole or not at all.

    folios -> room? -> same-filled? -> sub-batches -> compressed? -> entries
                |                                          |
                +--no--> rejected, what was kept is erased <+--no, and not kept raw

A page's checksum is made before it is submitted: from then on devices have it.

What was stored before at a folio's offsets is erased first: a folio that is then
rejected must not leave older data there (the kernel's "check_old").

Source: Linux, mm/zswap.c, zswap_store and zswap_compress; patch 12 of the series
for several folios.
"""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from mpzswap.acomp.checksum import checksum
from mpzswap.acomp.request import Acomp, Path, Request
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.entry import Entries, Entry
from mpzswap.zswap.limit import PoolLimit
from mpzswap.zswap.same_filled import same_filled
from mpzswap.zswap.stats import Counters

# The errors that say that a page did not compress; any other says nothing about it.
POOR = (-errno.ENOSPC, -errno.E2BIG)
# A plain integer: comparing with a member of an enum costs three times as much.
SOFTWARE = int(Path.SOFTWARE)


class Folio(msgspec.Struct, frozen=True, gc=False):
    """Pages that lie side by side, in the swap device and in memory."""

    # Where its first page is stored.
    swap_offset: int
    # Its first page's index in the frames.
    frame: int
    nr_pages: int = 1


class FolioState(msgspec.Struct, eq=False):
    """What has become of a folio so far."""

    folio: Folio
    rejected: bool = False
    # ... since the pool was full when its turn came.
    at_limit: bool = False
    same_filled: int = 0
    incompressible: int = 0
    incompressible_error: int = 0
    software: int = 0
    compressed_bytes: int = 0


# A page to compress: swap offset, device address, its folio, its checksum.
StorePage: TypeAlias = tuple[int, int, FolioState, int]


@dataclass(frozen=True, eq=False)
class Store:
    """
    The store of one CPU.

    ``pages`` gives what is to be compressed, ``submit`` and ``take`` are for the
    pipeline, ``finish`` closes the books.
    """

    acomp: Acomp
    entries: Entries
    limit: PoolLimit
    settings: ZswapSettings
    counters: Counters

    def pages(
        self, frames: Frames, states: Sequence[FolioState]
    ) -> Iterator[StorePage]:
        """Give each page to be compressed, looking at the limit as folios come up."""
        same: dict[int, int] = {}
        if self.settings.same_filled_pages_enabled:
            same = same_filled(frames, _frame_indices(states))
        first_address = frames.address
        views, checked = frames.views, self.settings.checksum
        for state in states:
            folio = state.folio
            full = self.limit.is_reached(self.entries.zsmalloc.nr_pages)
            self.counters.pool_limit_hit = self.limit.hits
            self.counters.invalidated_pages += self.erase(folio)
            if full:
                state.rejected = state.at_limit = True
                continue
            ahead = folio.swap_offset - folio.frame
            for index in range(folio.frame, folio.frame + folio.nr_pages):
                if state.rejected:
                    break
                if index in same:
                    self.entries.insert_same_filled(index + ahead, same[index])
                    state.same_filled += 1
                else:
                    page_sum = checksum(views[index]) if checked else 0
                    yield (
                        index + ahead,
                        first_address + index * PAGE_SIZE,
                        state,
                        page_sum,
                    )

    def submit(self, request: Request, pages: list[StorePage]) -> int:
        """Ask for the compression of *pages*."""
        request.pages = [page[1] for page in pages]
        if self.settings.checksum:
            request.checksums = [page[3] for page in pages]
        return self.acomp.compress(request)

    def take(self, frames: Frames, request: Request, pages: list[StorePage]) -> None:
        """
        Put away the pages of a request that has ended.

        The hot loop of a store: what is rare is in functions of its own, and what
        ``Entries.insert`` would do is here without the calls, which cost as much as
        the work.
        """
        entries = self.entries
        by_offset = entries.by_offset
        alloc = entries.zsmalloc.alloc
        write = entries.zsmalloc.write
        views = request.buffers.views[: len(pages)]
        columns = zip(
            pages, views, request.lengths, request.errors, request.paths, strict=True
        )
        for page, view, length, error, path in columns:
            offset, _, state, page_sum = page
            if error or not 0 < length < PAGE_SIZE:
                self._take_uncompressed(frames, page, error)
            elif not state.rejected:
                try:
                    handle = alloc(length)
                except MemoryError:
                    self._reject_alloc(state)
                    continue
                write(handle, view[:length])
                by_offset[offset] = Entry(length, handle, page_sum)
                entries.charged_bytes += length
                state.compressed_bytes += length
                if path == SOFTWARE:
                    state.software += 1

    def finish(self, states: Sequence[FolioState]) -> list[bool]:
        """Count what was stored; True for each folio that was."""
        counters = self.counters
        for state in states:
            nr_pages = state.folio.nr_pages
            counters.pages_out += nr_pages
            if state.at_limit:
                counters.rejected_limit_pages += nr_pages
            if state.rejected:
                continue
            kept = state.same_filled + state.incompressible
            counters.zswpout += nr_pages
            counters.compressed_out += nr_pages - kept
            counters.software_out += state.software
            counters.same_filled_out += state.same_filled
            counters.incompressible_out += state.incompressible
            counters.incompressible_error_out += state.incompressible_error
            counters.compressed_bytes += state.compressed_bytes
        return [not state.rejected for state in states]

    def abort(self, states: Sequence[FolioState]) -> None:
        """
        Keep nothing of a store that was interrupted, and count all as rejected.

        Half of the new data are missing, and the old ones are not true any more.
        """
        for state in states:
            self.erase(state.folio)
            if not state.rejected:
                state.rejected = True
                self.counters.rejected_fail_pages += state.folio.nr_pages
        self.finish(states)

    def erase(self, folio: Folio) -> int:
        """Forget whatever is stored at the offsets of *folio*; give how many were."""
        by_offset, swap = self.entries.by_offset, self.entries.swap
        offsets = range(folio.swap_offset, folio.swap_offset + folio.nr_pages)
        erased = 0
        for offset in offsets:
            if offset in by_offset:
                erased += self.entries.erase(offset)
        if swap is not None and len(swap):
            for offset in offsets:
                erased += swap.free(offset)
        return erased

    def _take_uncompressed(self, frames: Frames, page: StorePage, error: int) -> None:
        """Keep a page as it is where the kernel may write it back, or reject it."""
        offset, address, state, page_sum = page
        if state.rejected:
            return
        poor = not error or error in POOR
        if not self.settings.writeback:
            self._reject_compress(state, poor=poor)
            return
        index = (address - frames.address) // PAGE_SIZE
        try:
            self.entries.insert(offset, frames.views[index], page_sum)
        except MemoryError:
            self._reject_alloc(state)
            return
        state.incompressible += 1
        state.incompressible_error += not poor
        state.compressed_bytes += PAGE_SIZE

    def _reject_compress(self, state: FolioState, *, poor: bool) -> None:
        """Reject a folio for a page that was not compressed."""
        if poor:
            self.counters.reject_compress_poor += 1
            self.counters.rejected_poor_pages += state.folio.nr_pages
        else:
            self.counters.reject_compress_fail += 1
            self.counters.rejected_fail_pages += state.folio.nr_pages
        self._reject(state)

    def _reject_alloc(self, state: FolioState) -> None:
        """Reject a folio for a page that there was no memory for."""
        self.counters.reject_alloc_fail += 1
        self.counters.rejected_alloc_pages += state.folio.nr_pages
        self._reject(state)

    def _reject(self, state: FolioState) -> None:
        """Undo what was stored of a folio; its other pages are dropped as they come."""
        state.rejected = True
        self.erase(state.folio)


def _frame_indices(states: Sequence[FolioState]) -> list[int]:
    """Give the index of every page's frame."""
    return [
        index
        for state in states
        for index in range(state.folio.frame, state.folio.frame + state.folio.nr_pages)
    ]
