"""
Readahead: how many pages around one that faults are read with it.

    hits since the last fault   window, pages
    none, not beside the last   1
    none, beside the last one   2
    some                        hits + 2, up to a power of two, at least 4

It is at most 2**page_cluster, and at least half of what it was the last time.  The
window is aligned to its size, so that pages before the fault are read as well.

Source: Linux, mm/swap_state.c, swapin_nr_pages and swap_cluster_readahead.  The
kernel has one state for all, and goes by addresses and not by offsets where swap is
on a disk that does not turn (swap_vma_readahead); ours is a worker's, by offsets.
"""

from dataclasses import dataclass, field

# Linux, mm/swap_state.c, swapin_readahead_hits as it begins.
INITIAL_HITS = 4


@dataclass(eq=False)
class Readahead:
    """
    The windows of one reader.

    Args:
        page_cluster: vm.page-cluster; a window has up to 2**page_cluster pages.
    """

    page_cluster: int
    # Pages read ahead and then touched, since the last fault.
    hits: int = field(default=INITIAL_HITS, init=False)
    # Where the last fault without hits was.
    prev_offset: int = field(default=0, init=False)
    # Pages of the last window.
    prev_pages: int = field(default=0, init=False)

    def hit(self) -> None:
        """Note that a page was touched that had been read ahead."""
        self.hits += 1

    def window(self, offset: int) -> range:
        """Give the offsets to read for a fault at *offset*, which is one of them."""
        pages = self._nr_pages(offset)
        first = offset & -pages
        return range(first, first + pages)

    def _nr_pages(self, offset: int) -> int:
        """Give the pages of the window for a fault, and begin to count hits anew."""
        max_pages = 1 << self.page_cluster
        if max_pages == 1:
            return 1
        hits, self.hits = self.hits, 0
        if hits:
            pages = 1 << (hits + 1).bit_length()
        else:
            pages = 2 if abs(offset - self.prev_offset) == 1 else 1
            self.prev_offset = offset
        self.prev_pages = max(min(pages, max_pages), self.prev_pages // 2)
        return self.prev_pages
