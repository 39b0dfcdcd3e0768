"""
Which descriptors next: groups in turn, queues by priority, submitters in turn.

    group 0 --- wq priority 10 --- lane of submitter 0
             |                 `-- lane of submitter 1
             `- wq priority 5  --- lane ...
    group 1 --- ...

In a pass each group may take BURST descriptors.  Its queues that have work share
them in proportion to their priorities (priority 6 beside 2 gets three times as
many), and the lanes of a queue share alike what the queue gets.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from mpzswap.device.client import Client
from mpzswap.ring.descriptor import DESCRIPTOR_BYTES
from mpzswap.ring.lane import Lane
from mpzswap.topology.model import Device

# Ours: long enough to spread the cost of a burst, which is some 200 us of cold code
# and cold memory; a descriptor that comes meanwhile waits for a few milliseconds of
# compression.  Measured in bulk on two cores: 256 took 4 % less time than 128.
BURST = 256


@dataclass(eq=False)
class Source:
    """One submitter's lane into a work queue, and whose descriptors it has."""

    lane: Lane
    segment: int
    client: Client


class Burst(NamedTuple):
    """Descriptors taken from one lane."""

    wq: int
    nr_descriptors: int
    descriptors: bytes
    source: Source


@dataclass(eq=False)
class Queue:
    """One work queue as the device sees it."""

    wq: int
    priority: int
    # The word that tells submitters how many descriptors were taken.
    taken_word: memoryview
    taken: int = 0
    sources: list[Source] = field(default_factory=list)
    # Which lane is first in the next pass.
    turn: int = 0

    def ready(self) -> list[tuple[Source, int]]:
        """Give the lanes that have work, from the one whose turn it is."""
        order = self.sources[self.turn :] + self.sources[: self.turn]
        return [(source, n) for source in order if (n := source.lane.ready())]

    def count_taken(self, count: int) -> None:
        """Tell submitters that *count* more entries are free."""
        self.taken += count
        self.taken_word[0] = self.taken

    def advance(self) -> None:
        """Let the next lane be first."""
        self.turn = (self.turn + 1) % max(1, len(self.sources))


class Arbiter:
    """
    Takes descriptors from the lanes of one device.

    Args:
        device: as the topology has it.
        taken: a shared word for each of its work queues.
    """

    def __init__(self, device: Device, taken: memoryview) -> None:
        self._queues = [
            Queue(i, wq.priority, taken[i : i + 1]) for i, wq in enumerate(device.wqs)
        ]
        self._groups = [
            [self._queues[i] for i, wq in enumerate(device.wqs) if wq.group_id == group]
            for group in sorted({wq.group_id for wq in device.wqs})
        ]
        self.broken_lanes = 0

    def add(self, wq: int, source: Source) -> None:
        """Serve a lane of queue *wq* from now on."""
        self._queues[wq].sources.append(source)

    def remove(self, segment: int) -> None:
        """Forget every lane that lies in *segment*."""
        for queue in self._queues:
            for source in [s for s in queue.sources if s.segment == segment]:
                queue.sources.remove(source)
                # What a submitter that is gone left behind takes no place.
                left = source.lane.ready()
                if 0 < left <= source.lane.capacity:
                    queue.count_taken(left)
            queue.turn = 0

    def take(self) -> Iterator[Burst]:
        """Give the bursts of one pass over all groups."""
        for group in self._groups:
            work = [(queue, ready) for queue in group if (ready := queue.ready())]
            weight = sum(queue.priority for queue, _ in work)
            for queue, ready in work:
                share = max(1, BURST * queue.priority // weight)
                yield from self._take_from(queue, ready, share)

    def _take_from(
        self, queue: Queue, ready: list[tuple[Source, int]], share: int
    ) -> Iterator[Burst]:
        queue.advance()
        each = max(1, share // len(ready))
        for source, published in ready:
            lane = source.lane
            if not 0 < published <= lane.capacity:
                # Its producer wrote an impossible index: nothing in it can be
                # believed.  Its submitter's requests time out; others go on.
                self.broken_lanes += 1
                queue.sources.remove(source)
                queue.turn = 0
                continue
            count = min(published, each)
            descriptors = lane.peek(count)
            # Copied out: the slots can be filled again, as a device frees a queue
            # entry when an engine takes it.
            lane.release(count)
            queue.count_taken(count)
            assert len(descriptors) == count * DESCRIPTOR_BYTES
            yield Burst(queue.wq, count, descriptors, source)
