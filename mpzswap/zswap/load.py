"""
Load: pages come back, straight into the frames that they are wanted in.

    entry -> same-filled: written | as it was: copied | compressed: sub-batches
                                                            |
    page that cannot be decompressed: counted, named, and still stored  <--+

Source: Linux, mm/zswap.c, zswap_load and zswap_decompress.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mpzswap.acomp.request import Acomp, Request
from mpzswap.errors import NotStoredError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.entry import SAME_FILLED, Entries, Entry
from mpzswap.zswap.same_filled import fill
from mpzswap.zswap.stats import Counters

# A page wanted: swap offset, what is stored there, the frame's index.
Wanted: TypeAlias = tuple[int, Entry, int]


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
        by_offset = self.entries.by_offset
        try:
            return [
                (offset, by_offset[offset], index)
                for offset, index in zip(offsets, indices, strict=True)
            ]
        except KeyError as error:
            raise NotStoredError(
                f"swap offset {error.args[0]}: no page is stored there"
            ) from None

    def pages(self, frames: Frames, wanted: Sequence[Wanted]) -> Iterator[Wanted]:
        """Give each page that is to be decompressed, and load the others at once."""
        for page in wanted:
            offset, entry, index = page
            if entry.length == SAME_FILLED:
                fill(frames.views[index], entry.handle)
                self._loaded(offset)
            elif entry.length == PAGE_SIZE:
                stored = self.entries.zsmalloc.view(entry.handle, PAGE_SIZE)
                frames.views[index][:] = stored
                self._loaded(offset)
            else:
                yield page

    def submit(self, frames: Frames, request: Request, pages: list[Wanted]) -> None:
        """Ask for the decompression of *pages* into their frames."""
        stored = self.entries.zsmalloc.view
        for (_, entry, _), buffer in zip(pages, request.buffers.views, strict=False):
            buffer[: entry.length] = stored(entry.handle, entry.length)
        request.lengths = [entry.length for _, entry, _ in pages]
        request.pages = [frames.address_of(index) for _, _, index in pages]
        self.acomp.decompress(request)

    def take(
        self, failures: dict[int, int], request: Request, pages: list[Wanted]
    ) -> None:
        """Count the pages of a request that has ended; note those that failed."""
        for (offset, _, _), error in zip(pages, request.errors, strict=True):
            if error:
                self.counters.decompress_fail += 1
                failures[offset] = error
            else:
                self._loaded(offset)

    def _loaded(self, offset: int) -> None:
        """Count a page; the swap cache has it now, so ours is not needed."""
        self.counters.zswpin += 1
        if self.settings.exclusive_loads:
            self.entries.erase(offset)
