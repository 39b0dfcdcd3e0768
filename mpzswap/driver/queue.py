"""A work queue as its submitter sees it: places, a lane, a doorbell, counters."""

from dataclasses import dataclass, field
from typing import Protocol

from mpzswap.driver.stats import WqStats
from mpzswap.ring.doorbell import Doorbell
from mpzswap.ring.lane import Lane


class Places(Protocol):
    """The places of a queue, see ``mpzswap.ring.occupancy``."""

    @property
    def seen(self) -> int:
        """How long the queue was at the last look."""

    @property
    def highest(self) -> int:
        """The most that was ever seen."""

    def try_take(self, wanted: int, published: int) -> int:
        """Take up to *wanted* places; give how many were had."""

    def settle(self, published: int) -> None:
        """Give back places that were had and are not used after all."""


@dataclass(eq=False)
class SubmitQueue:
    """
    Where descriptors go in.

    A dedicated queue that is full refuses at once.  A shared one is tried again, as
    ENQCMDS is: drivers/dma/idxd/submit.c, at most *enqcmds_retries* times.
    """

    device: int
    wq: int
    lane: Lane
    occupancy: Places
    doorbell: Doorbell
    # Of the device; it is of no use to another (``machine.board``).
    incarnation: int = 0
    # 0 for a dedicated queue.
    enqcmds_retries: int = 0
    stats: WqStats = field(default_factory=WqStats)
    # Descriptors of ours whose answers we have taken, or that will have none.
    ended: int = 0
    # When all that is ours should be done.
    free_ns: int = 0

    @property
    def server(self) -> tuple[int, int]:
        """Give the process that serves it: which device, in which incarnation."""
        return self.device, self.incarnation

    @property
    def in_flight(self) -> int:
        """Descriptors of ours whose answers we have not taken."""
        # Of the lane's own count: Ctrl-C can come between two, and the difference
        # would make this queue the shortest, or the longest, for ever.
        return self.lane.published - self.ended

    def try_reserve(self, wanted: int) -> int:
        """Take up to *wanted* places; 0 is the kernel's -EAGAIN."""
        published = self.lane.published
        got = self.occupancy.try_take(wanted, published)
        for _ in range(self.enqcmds_retries):
            if got:
                break
            self.stats.retries += 1
            got = self.occupancy.try_take(wanted, published)
        if not got:
            self.stats.retries += 1
        return got

    def expect(self, now_ns: int, work_ns: int) -> None:
        """Expect so much more work of ours to be done, after what there is."""
        self.free_ns = max(self.free_ns, now_ns) + work_ns

    def publish(self, count: int) -> None:
        """Submit the next *count* slots of the lane; they are prepared.  Then ring."""
        self.lane.publish(count)
