"""
A work queue as a search has it: submitters and a device over stepped memory.

    submitter 0 --lane 0--.
                           device: a pump's arbiter, and its sleep
    submitter 1 --lane 1--'
         `-- submitted, taken, need_wakeup, eventfd: shared words

Lanes, occupancy, doorbell, arbiter and pump are the real ones; each has its memory
handed in, and its barrier replaced by that of the search.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from mpzswap.clock.work import Clock
from mpzswap.device.arbiter import Arbiter, Source
from mpzswap.device.client import Client
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.engine import Engine
from mpzswap.device.main import Pump
from mpzswap.ring.descriptor import DESCRIPTOR_BYTES
from mpzswap.ring.doorbell import Doorbell
from mpzswap.ring.lane import Lane, capacity_for
from mpzswap.ring.occupancy import Occupancy
from mpzswap.topology.model import Device, Group, WorkQueue
from tests.tools.interleavings import State
from tests.tools.manual_clock import ManualClock
from tests.tools.stepped_memory import Memory

ENGINES = Group(compress_engines=1, decompress_engines=1)


def numbered(lane: int, number: int) -> bytes:
    """Give a descriptor unlike all others, in each of its halves."""
    return (lane << 8 | number + 1).to_bytes(DESCRIPTOR_BYTES // 2, "big") * 2


@dataclass
class Submitter:
    """Submits descriptors as a driver does; without occupancy, as a lane has space."""

    name: str
    number: int
    lane: Lane
    # Descriptors that are not yet submitted, and how many are tried for at once.
    left: int
    most: int
    occupancy: Occupancy | None = None
    doorbell: Doorbell | None = None
    # Places that were had and are not yet used.
    got: int = 0

    def step(self) -> bool:
        """Take places; or use those that were had."""
        if not self.left:
            return False
        if self.got:
            self.submit()
        else:
            self.reserve()
        return True

    def reserve(self) -> None:
        """Take as many places as there are."""
        wanted = min(self.left, self.most)
        if self.occupancy is None:
            self.got = min(wanted, self.lane.space_left())
            return
        occupancy = self.occupancy
        self.got = occupancy.try_take(wanted, self.lane.published)
        self.check_length(occupancy.seen, occupancy.size)
        # Nobody's choice depends on them; forgotten, so that states meet.
        occupancy.seen = occupancy.highest = 0

    def check_length(self, seen: int, size: int) -> None:
        """Refuse a queue that is longer than its size, or shorter than our part."""
        assert self.got <= seen <= size, "a length that cannot be"

    def submit(self) -> None:
        """Use the places: fill slots, publish, ring."""
        self.fill()
        self.lane.publish(self.got)
        self.left -= self.got
        self.got = 0
        if self.doorbell is not None:
            self.doorbell.ring()

    def fill(self) -> None:
        """Fill the slots that are published next."""
        for ahead in range(self.got):
            at = self.lane.slot(ahead)
            descriptor = numbered(self.number, self.lane.published + ahead)
            self.lane.slots[at : at + DESCRIPTOR_BYTES] = descriptor


@dataclass
class Sink:
    """An engine that only looks whether the next descriptors are the right ones."""

    # Of each lane, how many have come.
    came: list[int]

    def run(self, descriptors: bytes, client: Client) -> None:
        """Compare each with what its lane has to bring next."""
        lane = client.pasid
        for at in range(0, len(descriptors), DESCRIPTOR_BYTES):
            found = descriptors[at : at + DESCRIPTOR_BYTES]
            due = numbered(lane, self.came[lane])
            assert found == due, f"lane {lane}: {_ends(found)}, not {_ends(due)}"
            self.came[lane] += 1


def _ends(descriptor: bytes) -> str:
    half = DESCRIPTOR_BYTES // 2
    return f"{descriptor[half - 2 : half].hex()} {descriptor[-2:].hex()}"


class BlockingClock(ManualClock):
    """
    A clock by which whoever waits blocks until the eventfd is readable.

    The limit never strikes here, so that nothing hides behind it.
    """

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self._memory = memory

    def wait_readable(self, fds: Sequence[int], limit_ns: int) -> bool:
        """Block."""
        del limit_ns
        self._memory.wait_for(fds[0])
        return True


class SearchedPump(Pump):
    """A device's pump; it looks without end, or sleeps where it has a doorbell."""

    def __init__(self, arbiter: Arbiter, wanted: Sequence[int]) -> None:
        self.name = "device"
        self.sink = Sink([0] * len(wanted))
        self.wanted = list(wanted)
        self._arbiter = arbiter
        self._engine = cast("Engine", self.sink)
        self._counters = DeviceCounters()
        self.sleeps = False

    def with_doorbell(self, doorbell: Doorbell, clock: Clock) -> "SearchedPump":
        """Let it sleep."""
        self._doorbell = doorbell
        self._clock = clock
        self._fds = doorbell.eventfd, -1
        self.sleeps = True
        return self

    def step(self) -> bool:
        """Do a pass; or sleep where there was nothing to do."""
        if self.sink.came == self.wanted:
            return False
        if not self._serve() and self.sleeps:
            self._sleep()
            # How often it slept is forgotten, so that states meet.
            self._counters.sleeps = 0
        return True

    def _publish(self) -> None:
        """Counters are nobody's business here."""

    def _obey(self) -> None:
        """Nobody gives orders."""


@dataclass
class QueueRig:
    """
    A queue of *size*, and a lane into it for each of *wanted* descriptors.

    A slot is *parts* cells; *most* descriptors are submitted at once.
    """

    size: int
    wanted: Sequence[int]
    most: int = 1
    parts: int = 1
    memory: Memory = field(init=False, default_factory=Memory)

    def __post_init__(self) -> None:
        """Lay out the memory."""
        memory, count = self.memory, len(self.wanted)
        self.capacity = capacity_for(self.size)
        self.submitted = memory.words("submitted", count)
        self.taken = memory.words("taken")
        self.need_wakeup = memory.words("need_wakeup")
        memory.words("eventfd")
        self.eventfd = memory.cell("eventfd[0]")
        self.lanes = [
            memory.lane(f"lane {index}", self.capacity, self.parts)
            for index in range(count)
        ]
        self._tails = [memory.cell(f"lane {index}.tail") for index in range(count)]
        self._taken = memory.cell("taken[0]")

    # The real things

    def lane(self, index: int, kind: type[Lane] = Lane) -> Lane:
        """Give an end of a lane."""
        return self.memory.before(lambda: kind(self.lanes[index], self.capacity))

    def occupancy(self, column: int) -> Occupancy:
        """Give a submitter's view of the queue's places, made in a step."""
        words = self.submitted
        view = Occupancy(words, self.taken, column, self.size, words.__len__)
        view._full_barrier = self.memory.full_barrier
        return view

    def doorbell(self) -> Doorbell:
        """Give a side of the doorbell."""
        doorbell = Doorbell(self.need_wakeup, self.eventfd)
        doorbell._full_barrier = self.memory.full_barrier
        return doorbell

    # The actors

    def producer(
        self, index: int, kind: type[Submitter] = Submitter, lane: type[Lane] = Lane
    ) -> Submitter:
        """Give a submitter that looks at its lane alone."""
        name, wanted = f"submitter {index}", self.wanted[index]
        return kind(name, index, self.lane(index, lane), wanted, self.most)

    def submitter(self, index: int, kind: type[Submitter] = Submitter) -> Submitter:
        """Give a submitter that keeps to the queue's size."""
        view = self.memory.before(lambda: self.occupancy(index))
        return replace(self.producer(index, kind), occupancy=view)

    def device(
        self,
        kind: type[SearchedPump] = SearchedPump,
        lane: type[Lane] = Lane,
        lanes: Sequence[int] | None = None,
    ) -> SearchedPump:
        """Give a device that serves *lanes*, or all, and never sleeps."""
        wq = WorkQueue(name="wq", group_id=0, priority=10, size=self.size)
        arbiter = Arbiter(Device(name="iax", groups=(ENGINES,), wqs=(wq,)), self.taken)
        for index in range(len(self.lanes)) if lanes is None else lanes:
            arbiter.add(0, Source(self.lane(index, lane), index, Client(index)))
        return kind(arbiter, self.wanted)

    # The states

    def length(self, cells: State) -> int:
        """Give how many descriptors are published and not taken."""
        return int(sum(cells[tail] for tail in self._tails) - cells[self._taken])

    def places(self, cells: State) -> int:
        """Give how many places are had, by the submitters' words."""
        return sum(cells[: len(self.wanted)]) - int(cells[self._taken])

    def too_long(self, cells: State) -> str:
        """Tell where the queue is longer than its size."""
        length = self.length(cells)
        return f"{length} in a queue of {self.size}" if length > self.size else ""
