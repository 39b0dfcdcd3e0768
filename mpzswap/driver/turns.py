"""
Whose turn it is among the queues of a table.

The queue whose turn it is gets *consec* descriptors in a row, then the next one is
first (wq_table_next_wq; with more than one in a row, global_wq_table_next_wq).
"""


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
