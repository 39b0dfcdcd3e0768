"""
The limit of the pool: all CPUs together, without a lock.

    words   | pages of CPU 0 | pages of CPU 1 | ... |    one writer each, all read

The limit is looked at before each folio, as the kernel does, so it may be passed by
what is under way at that moment: a folio for each CPU.

Source: Linux, mm/zswap.c, zswap_check_limits and zswap_accept_thr_pages.
"""

from dataclasses import dataclass, field


@dataclass(eq=False)
class PoolLimit:
    """
    One CPU's view of the pool's size.

    Args:
        words: pages of each CPU's part, one word each.
        index: the word that is ours to write.
        max_pages: pages that all parts together may have.
        accept_threshold_percent: once full, pages are taken again at this share.
    """

    words: memoryview
    index: int
    max_pages: int
    accept_threshold_percent: int = 90
    # The limit was reached, and the pool has not shrunk to the threshold since.
    # The kernel has one for all CPUs; ours see the same sum and agree soon.
    reached_full: bool = field(default=False, init=False)
    # Times that a look found the pool at its limit.
    hits: int = field(default=0, init=False)

    def publish(self, nr_pages: int) -> None:
        """Let the others know how many pages our part has."""
        self.words[self.index] = nr_pages

    def is_reached(self, nr_pages: int) -> bool:
        """Tell whether to reject, our part having *nr_pages*; publishes them."""
        self.words[self.index] = nr_pages
        total = sum(self.words)
        if total >= self.max_pages:
            self.hits += 1
            self.reached_full = True
        elif total <= self.max_pages * self.accept_threshold_percent // 100:
            self.reached_full = False
        return self.reached_full
