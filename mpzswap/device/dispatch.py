"""
One descriptor at a time, to an engine that is free: arbitration where time is kept.

    groups in turn --> of a group's queues, by priority --> lanes of it, in turn
                                                              |
                        the first whose descriptor an engine that is free can run

The arbiter of real work takes bursts, since a process pays for each look.  Hardware
takes a descriptor when an engine is free, and until then it holds a place in its
queue: so submitters find queues as full as they would be there.

A descriptor is in its queue from the look that finds it; a device whose time is kept
looks whenever its doorbell rings.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from mpzswap.device.arbiter import Arbiter, Queue, Source
from mpzswap.ring.descriptor import Opcode
from mpzswap.topology.model import Device

# The byte of a descriptor that is its opcode: the upper one of flags_opcode.
OPCODE_AT = 7
COMPRESS = int(Opcode.COMPRESS)


class Taken(NamedTuple):
    """A descriptor that an engine is to run."""

    descriptor: bytes
    source: Source
    # When it was found in its queue.
    arrived_ns: int


@dataclass(eq=False)
class Arrivals:
    """When the descriptors of a lane that are not taken were found: (how many, ns)."""

    noted: int = 0
    stretches: deque[tuple[int, int]] = field(default_factory=deque)

    def note(self, ready: int, now_ns: int) -> None:
        """Take in that so many are there now."""
        if ready > self.noted:
            self.stretches.append((ready - self.noted, now_ns))
            self.noted = ready

    def take(self) -> int:
        """Take the first; give when it was found."""
        count, found_ns = self.stretches.popleft()
        if count > 1:
            self.stretches.appendleft((count - 1, found_ns))
        self.noted -= 1
        return found_ns


class Dispatcher(Arbiter):
    """Takes descriptors from the lanes of one device; see the module."""

    def __init__(self, device: Device, taken: memoryview) -> None:
        super().__init__(device, taken)
        # The queues of each group that has any, by its number.
        self.groups = {
            device.wqs[group[0].wq].group_id: group for group in self._groups
        }
        self._arrivals: dict[Source, Arrivals] = {}
        # What each queue may have before the others, by smooth weighted round robin.
        self._credits = dict.fromkeys(self._queues, 0)

    def add(self, wq: int, source: Source) -> None:
        """Serve a lane of queue *wq* from now on."""
        super().add(wq, source)
        self._arrivals[source] = Arrivals()

    def remove(self, segment: int) -> None:
        """Forget every lane that lies in *segment*."""
        super().remove(segment)
        self._arrivals = {
            source: arrivals
            for source, arrivals in self._arrivals.items()
            if source.segment != segment
        }

    def note(self, now_ns: int) -> None:
        """Look which descriptors have come."""
        for queue in self._queues:
            for source in list(queue.sources):
                ready = source.lane.ready()
                if 0 <= ready <= source.lane.capacity:
                    self._arrivals[source].note(ready, now_ns)
                else:
                    # As of the arbiter: nothing in it can be believed.
                    self.broken_lanes += 1
                    queue.sources.remove(source)
                    queue.turn = 0

    def take_one(
        self, group: list[Queue], is_free: Callable[[bool], bool]
    ) -> Taken | None:
        """
        Take the descriptor of a group that is next; None: nothing can be run.

        Args:
            group: of ``groups``.
            is_free: tells whether an engine is, for compression or for the rest.
        """
        found = [
            (queue, source)
            for queue in group
            if (source := self._next_lane(queue, is_free)) is not None
        ]
        if not found:
            return None
        queue, source = self._by_priority(found)
        return self._take(queue, source)

    def _next_lane(
        self, queue: Queue, is_free: Callable[[bool], bool]
    ) -> Source | None:
        """Give the lane whose turn it is, of those whose first can be run."""
        for source in in_turn(queue):
            if self._arrivals[source].noted and is_free(is_compress(source)):
                return source
        return None

    def _by_priority(self, found: list[tuple[Queue, Source]]) -> tuple[Queue, Source]:
        """Choose a queue: each as often as its priority says, and well mixed."""
        if len(found) == 1:
            return found[0]
        credits_ = self._credits
        for queue, _ in found:
            credits_[queue] += queue.priority
        chosen = max(found, key=lambda pair: credits_[pair[0]])
        credits_[chosen[0]] -= sum(queue.priority for queue, _ in found)
        return chosen

    def _take(self, queue: Queue, source: Source) -> Taken:
        descriptor = source.lane.peek(1)
        source.lane.release(1)
        queue.count_taken(1)
        queue.turn = (queue.sources.index(source) + 1) % len(queue.sources)
        return Taken(descriptor, source, self._arrivals[source].take())


def in_turn(queue: Queue) -> Iterator[Source]:
    """Give the lanes of a queue, from the one whose turn it is."""
    yield from queue.sources[queue.turn :]
    yield from queue.sources[: queue.turn]


def is_compress(source: Source) -> bool:
    """Tell what the first descriptor of a lane asks for."""
    return source.lane.peek(1)[OPCODE_AT] == COMPRESS
