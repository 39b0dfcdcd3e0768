"""
The swap areas of one zswap: a file each, found by the type of a swap entry.

    folio --next_type--> 0, ... 0, 1, ... 1, 0, ...     without those that are full
    entry --swp_type---> the file that has its page, if any has

Source: Linux, mm/swapfile.c, swap_alloc_fast and swap_alloc_slow: areas of one
priority take turns, a cluster of pages each, and one that is full is passed over.
"""

from collections.abc import Callable, Sequence
from itertools import groupby

from mpzswap.ring.memory import Frames
from mpzswap.zswap.swap_entry import MAX_SWAPFILES, swp_type
from mpzswap.zswap.swap_file import SwapFile, SwapPage

# Linux, include/linux/swap.h, SWAPFILE_CLUSTER where a PMD can be swapped: pages.
SWAPFILE_CLUSTER = 512


class SwapAreas:
    """
    Where pages of a zswap go to.

    Args:
        files: the file of each area, by its type; closed with us.
        frames: where pages are decompressed on their way, seen by the devices;
            SWAP_CLUSTER_MAX of them make whole clusters, one is enough.
        turn_pages: pages that an area is given in a row.

    Raises:
        ValueError: a swap entry cannot tell so many areas apart, or there is none.
    """

    def __init__(
        self,
        files: Sequence[SwapFile],
        frames: Frames,
        turn_pages: int = SWAPFILE_CLUSTER,
    ) -> None:
        if not 0 < len(files) <= MAX_SWAPFILES:
            raise ValueError(f"swap areas: {len(files)}, must be 1 to {MAX_SWAPFILES}")
        self.files = tuple(files)
        self.frames = frames
        self._turn_pages = turn_pages
        self._current = -1
        # Pages that the current area still gets in this turn.
        self._left = 0

    def close(self) -> None:
        """Forget all pages; the files go."""
        for file in self.files:
            file.close()

    def __contains__(self, entry: int) -> bool:
        """Tell whether the page of *entry* is in its file."""
        return entry in self.file_of(entry)

    def __len__(self) -> int:
        """Give the number of pages in all files."""
        return sum(len(file) for file in self.files)

    @property
    def space_left(self) -> int:
        """Pages that all files may still hold."""
        return sum(file.space_left for file in self.files)

    def file_of(self, entry: int) -> SwapFile:
        """Give the file of an entry's area."""
        return self.files[swp_type(entry)]

    def next_type(self, nr_pages: int) -> int:
        """
        Give the area whose turn it is, for a folio of so many pages.

        One without room is passed over; if all are, it is the turn of the next:
        zswap may have room, and if not the folio stays where it is.
        """
        if self._left < nr_pages or not self._has_room(self._current, nr_pages):
            self._current = self._rotate(nr_pages)
            self._left = self._turn_pages
        self._left -= nr_pages
        return self._current

    def _rotate(self, nr_pages: int) -> int:
        count = len(self.files)
        turns = [(self._current + 1 + step) % count for step in range(count)]
        with_room = (type_ for type_ in turns if self._has_room(type_, nr_pages))
        return next(with_room, turns[0])

    def _has_room(self, type_: int, nr_pages: int) -> bool:
        return self.files[type_].space_left >= nr_pages

    def room(self) -> Callable[[int], bool]:
        """Give what tells of each entry asked whether its file has room for it too."""
        left = [file.space_left for file in self.files]

        def take(entry: int) -> bool:
            left[swp_type(entry)] -= 1
            return left[swp_type(entry)] >= 0

        return take

    def store_many(self, pages: Sequence[SwapPage]) -> int:
        """
        Store pages, each in its file, until that has no room; give how many were.

        What was stored of them before is gone in either case.
        """

        def type_of(page: SwapPage) -> int:
            return swp_type(page[0])

        # Sorted stably: those of an area stay in their order, the coldest first.
        return sum(
            self.files[type_].store_many(list(part))
            for type_, part in groupby(sorted(pages, key=type_of), type_of)
        )

    def load(self, entry: int, page: memoryview) -> None:
        """Read the page of *entry* into *page*; errors as of ``SwapFile.load``."""
        self.file_of(entry).load(entry, page)

    def free(self, entry: int) -> bool:
        """Forget the page of *entry*; False if there is none."""
        return self.file_of(entry).free(entry)
