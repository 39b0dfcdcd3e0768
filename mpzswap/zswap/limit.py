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

    @property
    def accept_threshold_pages(self) -> int:
        """Pages at which a pool that was full takes pages again."""
        return self.max_pages * self.accept_threshold_percent // 100

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
        elif self.reached_full and total <= self.accept_threshold_pages:
            self.reached_full = False
        return self.reached_full

    def share(self, nr_pages: int) -> int:
        """
        Give the pages, of our *nr_pages*, that are ours to give up in a full pool.

        What is above the threshold, in proportion to our part, rounded up: nobody
        else can give up our pages, and we need not make room for all.
        """
        total = sum(self.words) - self.words[self.index] + nr_pages
        excess = max(0, total - self.accept_threshold_pages)
        return -(-excess * nr_pages // total) if total else 0

    def has_shrunk(self, nr_pages: int) -> bool:
        """
        Note that our share was given up; tell whether there is room now.

        The others may not have given up theirs: being below the limit is enough.
        """
        self.words[self.index] = nr_pages
        self.reached_full = sum(self.words) >= self.max_pages
        return not self.reached_full
