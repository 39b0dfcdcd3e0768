"""
A queue that is full although it has room: what ``queue_full`` does to a submitter.

It belongs to this side: a device has no say in who gets places.  Each attempt counts,
also those that ENQCMDS repeats.
"""

from collections.abc import Sequence

from mpzswap.driver.queue import Places
from mpzswap.driver.stats import WqStats
from mpzswap.topology.faults import Trigger


class RefusingPlaces:
    """Places of a queue, some attempts to get which are refused."""

    def __init__(
        self, places: Places, triggers: Sequence[Trigger], stats: WqStats
    ) -> None:
        self._places = places
        self._triggers = triggers
        self._stats = stats

    @property
    def seen(self) -> int:
        """How long the queue was at the last look."""
        return self._places.seen

    @property
    def highest(self) -> int:
        """The most that was ever seen."""
        return self._places.highest

    def try_take(self, wanted: int, published: int) -> int:
        """Take up to *wanted* places, or none."""
        if any(trigger.hits() for trigger in self._triggers):
            self._stats.injected_queue_full += 1
            return 0
        return self._places.try_take(wanted, published)

    def settle(self, published: int) -> None:
        """Give back places that were had and are not used after all."""
        self._places.settle(published)
