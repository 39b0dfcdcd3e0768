"""
Who is next among the queues of a table: as the kernel does it, or as is best.

``Turns``: the queue whose turn it is gets *consec* descriptors in a row, then the
next one is first (wq_table_next_wq; with more than one in a row,
global_wq_table_next_wq).  Hardware's devices are equally fast, so their queues stay
equally long.

``Shortest``: all goes to the queue that has the least of ours to do.  Devices that are
processes share cores with others, and then one is slower: in turns, the others would
wait for it.  And a run costs both sides some 100 us of cold code and cold memory,
however long it is: so a request that is split gains nothing where all devices are busy.
"""

from collections.abc import Callable, Sequence
from typing import Protocol


class Dealer(Protocol):
    """Deals descriptors out to the queues of one table."""

    def deal(self, count: int) -> list[tuple[int, int]]:
        """Give the place and the share of each queue that gets any of *count*."""


class Turns:
    """
    Deals descriptors out to the queues of one table.

    Args:
        queues: how many queues the table has; at least one.
        consec: descriptors that a queue gets in a row.
    """

    def __init__(self, queues: int, consec: int = 1) -> None:
        self._queues = queues
        self._consec = consec
        self._place = 0
        # Descriptors that the queue still gets in this turn.
        self._left = consec

    def deal(self, count: int) -> list[tuple[int, int]]:
        """
        Give the place and the share of each queue that gets any of *count*, in turn.

        A queue comes once, with all that it gets: what goes round more than once is
        put together, since only the numbers count.
        """
        rounds, rest = divmod(count, self._queues * self._consec)
        each = rounds * self._consec
        shares: dict[int, int] = {}
        if each:
            for step in range(self._queues):
                shares[(self._place + step) % self._queues] = each
        while rest:
            part = min(rest, self._left)
            shares[self._place] = shares.get(self._place, 0) + part
            rest -= part
            self._left -= part
            if not self._left:
                self._place = (self._place + 1) % self._queues
                self._left = self._consec
        return list(shares.items())


class Shortest:
    """
    Deals descriptors out to the shortest queue.

    Args:
        lengths: each gives how much of ours its queue has to do now.
        first: the place of the queue to begin with; not all submitters have the same.
    """

    def __init__(self, lengths: Sequence[Callable[[], int]], first: int = 0) -> None:
        self._lengths = lengths
        self._last = first

    def deal(self, count: int) -> list[tuple[int, int]]:
        """Give the place of the queue that gets all of *count*."""
        lengths = [length() for length in self._lengths]
        place = lengths.index(min(lengths))
        # Of those that are equally short the one that was used last: the others'
        # devices may sleep, and to wake one takes 50 us and more.
        if lengths[self._last] > lengths[place]:
            self._last = place
        return [(self._last, count)]
