"""
One descriptor at a time, to an engine that is free: arbitration where time is kept.

    lanes --look--> the queue's line, in order of arrival --> of a group's queues,
                                                              by priority
                                                                  |
                       the first descriptor of its line that an engine that is free runs

The arbiter of real work takes bursts, since a process pays for each look, and lets
lanes take turns.  Hardware takes a descriptor when an engine is free; until then it
holds a place in its queue, so submitters find queues as full as they would be there.
And a work queue is one line, whoever submitted: were lanes to take turns, all batches
that came together would be done together, at the end.

A descriptor is in its queue from the look that finds it; a device whose time is kept
looks whenever its doorbell rings.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

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


@dataclass(eq=False, slots=True)
class Party:
    """Descriptors of one lane that were found at the same look, and are not taken."""

    source: Source
    count: int
    arrived_ns: int


# The descriptors of a queue that were found, in order of arrival.
Line: TypeAlias = deque[Party]
# Tells whether an engine is free: for compression, or for anything else.
IsFree: TypeAlias = Callable[[bool], bool]


class Dispatcher(Arbiter):
    """Takes descriptors from the lanes of one device; see the module."""

    def __init__(self, device: Device, taken: memoryview) -> None:
        super().__init__(device, taken)
        # The queues of each group that has any, by its number.
        self.groups = {
            device.wqs[group[0].wq].group_id: group for group in self._groups
        }
        self._lines: dict[Queue, Line] = {queue: deque() for queue in self._queues}
        # Descriptors of each lane that are in the line.
        self._noted: dict[Source, int] = {}
        # What each queue may have before the others, by smooth weighted round robin.
        self._credits = dict.fromkeys(self._queues, 0)

    def add(self, wq: int, source: Source) -> None:
        """Serve a lane of queue *wq* from now on."""
        super().add(wq, source)
        self._noted[source] = 0

    def remove(self, segment: int) -> None:
        """Forget every lane that lies in *segment*."""
        super().remove(segment)
        for queue in self._queues:
            self._keep(queue, lambda source: source.segment != segment)

    def note(self, now_ns: Callable[[], int]) -> None:
        """
        Look which descriptors have come.

        Args:
            now_ns: gives the time; asked once something is found, for what is published
                while we look has not come before: its submitter would not believe it.
        """
        noted = self._noted
        for queue in self._queues:
            for source in list(queue.sources):
                ready = source.lane.ready()
                if ready == noted[source]:
                    continue
                # What was found cannot become less but by our taking it.
                if not noted[source] <= ready <= source.lane.capacity:
                    self._give_up(queue, source)
                    continue
                party = Party(source, ready - noted[source], now_ns())
                # Not by a name of its own: giving a lane up makes another line.
                self._lines[queue].append(party)
                noted[source] = ready

    def take_one(self, group: list[Queue], is_free: IsFree) -> Taken | None:
        """
        Take the descriptor that is next; None: no engine that is free can run any.

        Args:
            group: of ``groups``.
            is_free: of this group.
        """
        found = [
            (queue, party)
            for queue in group
            if (party := first_of(self._lines[queue], is_free)) is not None
        ]
        if not found:
            return None
        queue, party = found[0] if len(found) == 1 else self._by_priority(found)
        source = party.source
        descriptor = source.lane.peek(1)
        source.lane.release(1)
        queue.count_taken(1)
        self._noted[source] -= 1
        party.count -= 1
        if not party.count:
            self._lines[queue].remove(party)
        return Taken(descriptor, source, party.arrived_ns)

    def _by_priority(self, found: list[tuple[Queue, Party]]) -> tuple[Queue, Party]:
        """Choose a queue: each as often as its priority says, and well mixed."""
        credit = self._credits
        for queue, _ in found:
            credit[queue] += queue.priority
        chosen = max(found, key=lambda pair: credit[pair[0]])
        credit[chosen[0]] -= sum(queue.priority for queue, _ in found)
        return chosen

    def _give_up(self, queue: Queue, source: Source) -> None:
        """Serve a lane no more whose producer wrote an impossible index."""
        self.broken_lanes += 1
        queue.sources.remove(source)
        queue.turn = 0
        self._keep(queue, lambda other: other is not source)

    def _keep(self, queue: Queue, is_kept: Callable[[Source], bool]) -> None:
        """Forget what waits of lanes that are served no more."""
        line = self._lines[queue]
        self._lines[queue] = deque(party for party in line if is_kept(party.source))
        for source in [source for source in self._noted if not is_kept(source)]:
            del self._noted[source]


def first_of(line: Line, is_free: IsFree) -> Party | None:
    """
    Give the first of a line whose descriptor can be run now.

    A compression does not hold up a decompression behind it: engines of either kind
    look for themselves.
    """
    if not line:
        return None
    # Asked once, and not of each: a crowd has hundreds of parties in a line.
    for_other, for_compression = is_free(False), is_free(True)  # noqa: FBT003 - see IsFree
    if for_other and for_compression:
        return line[0]
    if not (for_other or for_compression):
        return None
    for party in line:
        compresses = party.source.lane.peek(1)[OPCODE_AT] == COMPRESS
        if for_compression if compresses else for_other:
            return party
    return None
