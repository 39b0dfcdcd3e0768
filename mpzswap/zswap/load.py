"""
Load: pages come back, straight into the frames that they are wanted in.

    entry -> same-filled: written
             as it was: copied ---------+-> checksum: the same? --yes--> loaded
             compressed: sub-batches ---+           | no
    no entry, but in swap: read                     |
    page that cannot be had: counted, named, and still stored; its frame holds
    whatever came

Source: Linux, mm/zswap.c, zswap_load and zswap_decompress; mm/page_io.c,
swap_read_folio, which looks into the swap area where zswap has nothing.
"""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from mpzswap.acomp.checksum import EBADMSG, check, checksum
from mpzswap.acomp.request import Acomp, Request
from mpzswap.errors import LoadError, NotStoredError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.entry import SAME_FILLED, Entries, Entry
from mpzswap.zswap.same_filled import fill
from mpzswap.zswap.stats import Counters
from mpzswap.zswap.swap_entry import swp_name
from mpzswap.zswap.swap_file import SwapReadError

# A page wanted: swap offset, what is stored there, the frame's index.
Wanted: TypeAlias = tuple[int, Entry, int]
# What stands for an entry where the page is in the swap file.
IN_SWAP: Final = Entry(-1, -1)


@dataclass(eq=False)
class Failures:
    """What could not be loaded: negative errno by swap offset, and why, if of swap."""

    errors: dict[int, int] = field(default_factory=dict)
    of_swap: SwapReadError | None = None

    def raise_any(self) -> None:
        """Raise if there is any; of several, one of the swap file is named."""
        if self.of_swap is not None:
            offset, reason = self.of_swap.offset, self.of_swap.reason
            raise SwapReadError(offset, reason, self.errors) from self.of_swap
        if self.errors:
            raise LoadError(self.errors, swp_name(next(iter(self.errors))))


@dataclass(frozen=True, eq=False)
class Load:
    """The load of one CPU; ``pages``, ``submit`` and ``take`` are for the pipeline."""

    acomp: Acomp
    entries: Entries
    settings: ZswapSettings
    counters: Counters

    def wanted(self, offsets: Sequence[int], indices: Sequence[int]) -> list[Wanted]:
        """
        Look the entries up, before any page is loaded.

        Raises:
            NotStoredError: there is none at one of *offsets*.
            ValueError: an offset is named twice, or has no frame.
        """
        if len(set(offsets)) != len(offsets):
            raise ValueError(f"load: {len(offsets)} swap offsets, must all differ")
        get = self.entries.by_offset.get
        return [
            (offset, get(offset) or self._in_swap(offset), index)
            for offset, index in zip(offsets, indices, strict=True)
        ]

    def pages(
        self, frames: Frames, failures: Failures, wanted: Sequence[Wanted]
    ) -> Iterator[Wanted]:
        """Give each page that is to be decompressed, and load the others at once."""
        for page in wanted:
            offset, entry, index = page
            if 0 < entry.length < PAGE_SIZE:
                yield page
            elif entry is IN_SWAP:
                self._read(frames.views[index], failures, offset)
            elif entry.length == SAME_FILLED:
                fill(frames.views[index], entry.handle)
                self._loaded(offset, entry)
            else:
                stored = self.entries.zsmalloc.view(entry.handle, PAGE_SIZE)
                frames.views[index][:] = stored
                if self.fits(entry, frames.views[index]):
                    self._loaded(offset, entry)
                else:
                    self._failed(failures, offset, EBADMSG)

    def submit(self, frames: Frames, request: Request, pages: list[Wanted]) -> int:
        """Ask for the decompression of *pages* into their frames."""
        lengths = [entry.length for _, entry, _ in pages]
        handles = [entry.handle for _, entry, _ in pages]
        self.entries.zsmalloc.read_many(handles, lengths, request.buffers.views)
        begin = frames.address
        request.lengths = lengths
        request.pages = [begin + index * PAGE_SIZE for _, _, index in pages]
        if self.settings.checksum:
            request.checksums = [entry.checksum for _, entry, _ in pages]
        return self.acomp.decompress(request)

    def check(self, frames: Frames, request: Request, pages: list[Wanted]) -> None:
        """Compare pages that came; those that are not what they were have errors."""
        views, stored = frames.views, self.entries.zsmalloc.view

        def kept(place: int) -> memoryview:
            entry = pages[place][1]
            return stored(entry.handle, entry.length)

        came = [views[index] for _, _, index in pages]
        self.counters.checksum_fail += check(self.acomp, request, came, kept)

    def fits(self, entry: Entry, page: memoryview) -> bool:
        """Compare a page that was kept as it was."""
        if not self.settings.checksum or checksum(page) == entry.checksum:
            return True
        self.counters.checksum_fail += 1
        return False

    def take(
        self,
        frames: Frames,
        failures: Failures,
        request: Request,
        pages: list[Wanted],
    ) -> None:
        """Count the pages of a request that has ended; note those that failed."""
        self.check(frames, request, pages)
        if self.settings.exclusive_loads and not any(request.errors):
            self.counters.zswpin += len(pages)
            self.entries.erase_compressed([offset for offset, _, _ in pages])
            return
        for (offset, entry, _), error in zip(pages, request.errors, strict=True):
            if error:
                self._failed(failures, offset, error)
            else:
                self._loaded(offset, entry)

    def _loaded(self, offset: int, entry: Entry) -> None:
        """Count a page; the swap cache has it now, so ours is not needed."""
        self.counters.zswpin += 1
        if self.settings.exclusive_loads:
            self.entries.erase(offset)
        else:
            entry.referenced = True

    def _failed(self, failures: Failures, offset: int, error: int) -> None:
        """Note a page that could not be had; it is still stored."""
        self.counters.decompress_fail += 1
        failures.errors[offset] = error

    def _in_swap(self, offset: int) -> Entry:
        """Give what stands for a page in the swap file, where zswap has none."""
        swap = self.entries.swap
        if swap is None or offset not in swap:
            raise NotStoredError(f"{swp_name(offset)}: no page is stored there")
        return IN_SWAP

    def _read(self, page: memoryview, failures: Failures, offset: int) -> None:
        """Read a page from the swap file; its slot is free where ours would be."""
        swap = self.entries.swap
        assert swap is not None
        try:
            swap.load(offset, page)
        except SwapReadError as error:
            self.counters.swap_read_fail += 1
            failures.errors[offset] = -errno.EIO
            failures.of_swap = failures.of_swap or error
            return
        self.counters.pswpin += 1
        if self.settings.exclusive_loads:
            swap.free(offset)
