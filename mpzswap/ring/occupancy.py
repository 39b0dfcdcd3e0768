"""
The size of a work queue, shared by all its submitters and never exceeded.

    | submitter 0 | submitter 1 | ...    descriptors submitted, each its own word
    | taken |                            descriptors taken, the device's word

All words only grow.  What is in the queue is the sum of those submitted less those
taken: an entry is free as soon as the device has taken it, whether or not its
submitter ever looks at the answer.  To submit, one publishes the wish, then looks
at the sum, then withdraws what is over.

Why the size is never exceeded: take the submitter that was the last to raise its
word.  A full barrier stands between its store and its looks, so it saw every other
word at what that submitter holds now, or at more (a wish not yet withdrawn).  It
looked at ``taken`` before that, so it saw no entry free that was not.  It kept only
what fits beside that sum.

Several may withdraw at once though one of them could have stayed: then they try
again, as often as the driver lets them.  A place that is free for good is found by
whoever tries alone.

Every interleaving of this code: ``tests/property/test_interleavings_queue.py``, and
``..._columns.py`` for submitters that come and go.
"""

from collections.abc import Callable

from mpzswap.ring.ordering import make_full_barrier


class Occupancy:
    """
    One submitter's view of a work queue's places.

    Args:
        words: one word for each possible submitter, shared.
        taken: the device's word.
        mine: which of *words* is ours; it goes on from what is in it.
        size: places of the work queue, the limit of the sum.
        submitters: gives how many words are in use; the others are zero.

    Attributes:
        seen: how long the queue was at the last look, ours included.
        highest: the most that was ever seen; others' wishes count in it, so it is
            an upper bound.
    """

    def __init__(
        self,
        words: memoryview,
        taken: memoryview,
        mine: int,
        size: int,
        submitters: Callable[[], int],
    ) -> None:
        self.size = size
        self.seen = 0
        self.highest = 0
        self._words = words
        self._taken = taken
        self._mine = mine
        self._submitters = submitters
        self._full_barrier = make_full_barrier()
        # What earlier submitters in this column submitted.
        self._base = words[mine]

    def try_take(self, wanted: int, published: int) -> int:
        """
        Take up to *wanted* places; give how many were had, to be published now.

        Args:
            wanted: places.
            published: descriptors that we ever published here, as the lane has it;
                a wish that was interrupted is thereby forgotten.
        """
        before = self._base + published
        self._words[self._mine] = before + wanted
        self._full_barrier()
        # Before the sum: an older count is a longer queue, never a shorter one.  (The
        # limit would hold the other way round too; ``seen`` would be too small.)
        taken = self._taken[0]
        total = sum(self._words[: self._submitters()]) - taken
        over = total - self.size
        if over > 0:
            wanted = max(0, wanted - over)
            self._words[self._mine] = before + wanted
            total = self.size
        self.seen = total
        self.highest = max(self.highest, total)
        return wanted

    def settle(self, published: int) -> None:
        """Give back places that were had and are not used after all."""
        self._words[self._mine] = self._base + published
