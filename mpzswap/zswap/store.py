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
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import attrgetter, itemgetter
from typing import TypeAlias

import msgspec

from mpzswap.acomp.checksum import checksum
from mpzswap.acomp.request import Acomp, Path, Request
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.entry import Entries
from mpzswap.zswap.limit import PoolLimit
from mpzswap.zswap.same_filled import same_filled
from mpzswap.zswap.stats import Counters

# The errors that say that a page did not compress; any other says nothing about it.
POOR = (-errno.ENOSPC, -errno.E2BIG)
# A plain integer: comparing with a member of an enum costs three times as much.
SOFTWARE = int(Path.SOFTWARE)
RAW = int(Path.RAW)


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
# ... of many at once.
offset_of, address_of, state_of, checksum_of = map(itemgetter, range(4))
is_rejected = attrgetter("rejected")


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
            same = same_filled(frames, runs(states))
        begin, views, checked = frames.address, frames.views, self.settings.checksum
        is_fresh = self._is_fresh(states)
        for state in states:
            folio = state.folio
            full = self.limit.is_reached(self.entries.zsmalloc.nr_pages)
            if not is_fresh:
                self.counters.invalidated_pages += self.erase(folio)
            if full:
                self.counters.pool_limit_hit = self.limit.hits
                state.rejected = state.at_limit = True
                continue
            offset = folio.swap_offset
            for index in range(folio.frame, folio.frame + folio.nr_pages):
                if state.rejected:
                    break
                if index in same:
                    self.entries.insert_same_filled(offset, same[index])
                    state.same_filled += 1
                else:
                    page_sum = checksum(views[index]) if checked else 0
                    yield offset, begin + index * PAGE_SIZE, state, page_sum
                offset += 1

    def submit(self, request: Request, pages: list[StorePage]) -> int:
        """Ask for the compression of *pages*."""
        request.pages = [*map(address_of, pages)]
        if self.settings.checksum:
            request.checksums = [*map(checksum_of, pages)]
        return self.acomp.compress(request)

    def take(self, frames: Frames, request: Request, pages: list[StorePage]) -> None:
        """Put away the pages of a request that has ended: together, if possible."""
        lengths, errors = request.lengths, request.errors
        raw: list[int] = []
        if any(errors) or min(lengths) <= 0 or max(lengths) >= PAGE_SIZE:
            raw = [
                place
                for place, length in enumerate(lengths)
                if errors[place] or not 0 < length < PAGE_SIZE
            ]
        taken = 0
        may_be_kept = self.settings.writeback or not raw
        if may_be_kept and not any(map(is_rejected, {*map(state_of, pages)})):
            taken = self._take_together(frames, request, pages, raw)
        if taken < len(pages):
            self._take_singly(frames, request, pages, taken)

    def _take_together(
        self, frames: Frames, request: Request, pages: list[StorePage], raw: list[int]
    ) -> int:
        """
        Put away pages of which none is to be rejected, those at *raw* as they are.

        Returns:
            How many there was memory for.
        """
        views: Sequence[memoryview] = request.buffers.views
        lengths, paths = request.lengths, request.paths
        if raw:
            views, lengths, paths = [*views], [*lengths], [*paths]
            for place in raw:
                views[place] = self._frame(frames, pages[place])
                lengths[place], paths[place] = PAGE_SIZE, RAW
        offsets, sums = map(offset_of, pages), map(checksum_of, pages)
        taken = self.entries.insert_many(offsets, views, lengths, sums)
        for place in raw:
            if place < taken:
                self._count_raw(pages[place][2], request.errors[place])
        # The pages of a folio lie side by side: so many of each.
        counts = Counter(map(state_of, islice(pages, taken)))
        by_software = SOFTWARE in paths
        first = 0
        for state, count in counts.items():
            end = first + count
            state.compressed_bytes += sum(lengths[first:end])
            if by_software:
                state.software += paths[first:end].count(SOFTWARE)
            first = end
        return taken

    def _count_raw(self, state: FolioState, error: int) -> None:
        """Tell a folio of a page that was kept as it was."""
        state.incompressible += 1
        state.incompressible_error += bool(error) and error not in POOR

    def _take_singly(
        self, frames: Frames, request: Request, pages: list[StorePage], first: int
    ) -> None:
        """Put away pages from *first* on, any of which may be one too many."""
        views = request.buffers.views
        columns = zip(
            pages, views, request.lengths, request.errors, request.paths, strict=False
        )
        for page, view, length, error, path in islice(columns, first, None):
            offset, _, state, page_sum = page
            if state.rejected:
                continue
            plain = not error and 0 < length < PAGE_SIZE
            if not plain and not self.settings.writeback:
                self._reject_compress(state, poor=not error or error in POOR)
                continue
            data = view[:length] if plain else self._frame(frames, page)
            try:
                self.entries.insert(offset, data, page_sum)
            except MemoryError:
                self._reject_alloc(state)
                continue
            state.compressed_bytes += len(data)
            if plain:
                state.software += path == SOFTWARE
            else:
                self._count_raw(state, error)

    def _frame(self, frames: Frames, page: StorePage) -> memoryview:
        """Give a page itself."""
        return frames.views[(page[1] - frames.address) // PAGE_SIZE]

    def finish(self, states: Sequence[FolioState]) -> list[bool]:
        """Count what was stored; True for each folio that was."""
        counters = self.counters
        for state in states:
            nr_pages = state.folio.nr_pages
            counters.pages_out += nr_pages
            if state.at_limit:
                counters.rejected_limit_pages += nr_pages
        stored = [state for state in states if not state.rejected]
        nr_pages = sum([state.folio.nr_pages for state in stored])
        same_filled = sum([state.same_filled for state in stored])
        incompressible = sum([state.incompressible for state in stored])
        counters.zswpout += nr_pages
        counters.compressed_out += nr_pages - same_filled - incompressible
        counters.software_out += sum([state.software for state in stored])
        counters.same_filled_out += same_filled
        counters.incompressible_out += incompressible
        counters.incompressible_error_out += sum(
            [state.incompressible_error for state in stored]
        )
        counters.compressed_bytes += sum([state.compressed_bytes for state in stored])
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
        if not by_offset.keys().isdisjoint(offsets):
            erased = sum(map(self.entries.erase, offsets))
        if swap is not None and len(swap):
            erased += sum(map(swap.free, offsets))
        return erased

    def _is_fresh(self, states: Sequence[FolioState]) -> bool:
        """Tell whether nothing is stored where any of the folios goes."""
        swap = self.entries.swap
        if swap is not None and len(swap):
            return False
        offsets = chain.from_iterable(
            [
                range(
                    state.folio.swap_offset,
                    state.folio.swap_offset + state.folio.nr_pages,
                )
                for state in states
            ]
        )
        return self.entries.by_offset.keys().isdisjoint(offsets)

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


def runs(states: Sequence[FolioState]) -> Iterator[range]:
    """Give the frames of folios, those that lie side by side together."""
    first = end = 0
    for state in states:
        folio = state.folio
        if folio.frame != end:
            yield range(first, end)
            first = folio.frame
        end = folio.frame + folio.nr_pages
    yield range(first, end)
