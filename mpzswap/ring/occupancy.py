"""
The size of a work queue, shared by all its submitters and never exceeded.

    | submitter 0 | submitter 1 | ...      descriptors outstanding, one word each

Each submitter writes its own word alone and reads all.  To take places it
publishes the wish, then looks at the sum, then withdraws what is over.

Why the size is never exceeded: take the submitter that was the last to raise its
word.  A full barrier stands between its store and its look, so it saw every other
word at what that submitter holds now, or at more (a wish not yet withdrawn,
places since given back).  It kept only what fits beside that sum.

Several may withdraw at once though one of them could have stayed: then they try
again.  A place that is free for good is found by whoever tries alone.
"""

from collections.abc import Callable

from mpzswap.ring.ordering import make_full_barrier


class Occupancy:
    """
    One submitter's view of a work queue's places.

    Args:
        words: one word for each possible submitter, shared.
        mine: which of them is ours.
        size: places of the work queue, the limit of the sum.
        submitters: gives how many words are in use; the others are zero.
    """

    def __init__(
        self,
        words: memoryview,
        mine: int,
        size: int,
        submitters: Callable[[], int],
    ) -> None:
        self.size = size
        self.outstanding = 0
        self.highest = 0
        # The sum at the last look, ours included: how long the queue was.
        self.seen = 0
        self._words = words
        self._mine = mine
        self._submitters = submitters
        self._full_barrier = make_full_barrier()
        words[mine] = 0

    def try_take(self, wanted: int) -> int:
        """Take up to *wanted* places; give how many were had."""
        held = self.outstanding
        self._words[self._mine] = held + wanted
        self._full_barrier()
        total = sum(self._words[: self._submitters()])
        over = total - self.size
        if over > 0:
            wanted = max(0, wanted - over)
            self._words[self._mine] = held + wanted
            total = self.size
        self.outstanding = held + wanted
        self.seen = total
        self.highest = max(self.highest, total)
        return wanted

    def give_back(self, count: int) -> None:
        """Give *count* places back."""
        self.outstanding -= count
        self._words[self._mine] = self.outstanding
