"""
Submitters that go, and others that take their column, or a new one.

    submitter 0 --gone--> device: counts what it left as taken --answered--> follower

Every interleaving is searched; see ``tools/interleavings.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import pytest

from mpzswap.device.arbiter import Source
from mpzswap.device.client import Client
from mpzswap.ring.lane import Lane
from tests.tools.interleavings import DEPTH, Found, Interleavings
from tests.tools.queue_rig import QueueRig, SearchedPump, Submitter
from tests.tools.stepped_actor import Actor
from tests.tools.stepped_memory import Memory

# The lane of a submitter that goes, of one that stays, of one that follows.
GOES, STAYS, FOLLOWS = range(3)


@dataclass
class Messages:
    """What travels over sockets: each is an eventfd, whose system calls order more."""

    memory: Memory
    gone: int
    answered: int

    @classmethod
    def over(cls, memory: Memory) -> "Messages":
        """Lay them out."""
        memory.words("message", 2)
        return cls(memory, *(memory.cell(f"message[{i}]") for i in range(2)))

    def send(self, message: int) -> None:
        """Send one."""
        self.memory.eventfd_write(message, 1)

    def receive_nowait(self, message: int) -> bool:
        """Tell whether one has come."""
        try:
            self.memory.eventfd_read(message)
        except BlockingIOError:
            return False
        return True


@dataclass
class Leaver(Submitter):
    """Submits what it has, and goes, whatever became of it."""

    messages: Messages | None = None
    gone: bool = False

    def step(self) -> bool:
        """Go last."""
        if self.left:
            return super().step()
        if self.gone:
            return False
        self.gone = True
        assert self.messages is not None
        self.messages.send(self.messages.gone)
        return True


@dataclass
class Follower(Submitter):
    """Begins in the column of the one that went, with a lane of its own."""

    messages: Messages | None = None
    rig: QueueRig | None = None

    def step(self) -> bool:
        """Wait; look what is in the column; submit."""
        if self.occupancy is not None:
            return super().step()
        assert self.messages is not None
        assert self.rig is not None
        self.messages.memory.wait_for(self.messages.answered)
        self.occupancy = self.rig.occupancy(GOES)
        return True


class Host(SearchedPump):
    """A device that detaches one lane when it is told so, and attaches another."""

    rig: QueueRig
    messages: Messages
    told = False

    def step(self) -> bool:
        """Serve until it is told, and then all that is left."""
        if self.told:
            self.wanted[GOES] = self.sink.came[GOES]
            return super().step()
        self._serve()
        if self.messages.receive_nowait(self.messages.gone):
            self.told = True
            self.detach()
            lane = Lane(self.rig.lanes[FOLLOWS], self.rig.capacity)
            self._arbiter.add(0, Source(lane, FOLLOWS, Client(FOLLOWS)))
            self.messages.send(self.messages.answered)
        return True

    def detach(self) -> None:
        """Forget the lane; what is left in it counts as taken."""
        self._arbiter.remove(GOES)


class ForgetsPlaces(Host):
    """Forgets what is left in a lane as if it had never been."""

    def detach(self) -> None:
        """Take the lane out, and count nothing."""
        (queue,) = self._arbiter._queues
        queue.sources = [s for s in queue.sources if s.segment != GOES]
        queue.turn = 0


def search_succession(
    rig: QueueRig, host: type[Host] = Host, leaver: type[Leaver] = Leaver
) -> Found:
    """Search one that goes, one that stays, and one that follows the first."""
    messages = Messages.over(rig.memory)
    goes = cast("Leaver", rig.submitter(GOES, leaver))
    follows = cast("Follower", rig.producer(FOLLOWS, Follower))
    device = cast("Host", rig.device(host, lanes=(GOES, STAYS)))
    device.rig, device.messages = rig, messages
    actors: list[Actor] = [
        replace(goes, messages=messages),
        rig.submitter(STAYS),
        replace(follows, messages=messages, rig=rig),
        device,
    ]
    return Interleavings(rig.memory, actors).search(rig.too_long)


@pytest.mark.parametrize(
    ("rig", "floor"),
    [(QueueRig(1, (1, 1, 1)), 1_100), (QueueRig(2, (2, 1, 1), most=2), 4_300)],
    ids=["size 1", "size 2"],
)
def test_what_a_submitter_leaves_takes_no_place(rig: QueueRig, floor: int) -> None:
    """Whether it was taken or not: the next in its column has every place."""
    rig = replace(rig)
    found = search_succession(rig)

    assert found.counterexample is None, found.counterexample
    assert len(found.states) > floor
    assert found.deepest < DEPTH
    assert found.ends
    assert all(rig.length(end) == rig.places(end) == 0 for end in found.ends)


def test_place_of_what_was_left_would_be_missed() -> None:
    """Were it not counted as taken."""
    found = search_succession(QueueRig(1, (1, 1, 1)), host=ForgetsPlaces)

    assert found.counterexample is not None
    assert found.counterexample.what == "from here no end can be reached"


# A column that comes into use


@dataclass
class Newcomer(Submitter):
    """Makes its column known, then begins."""

    make_known: Callable[[], object] = int
    is_known: bool = False

    def step(self) -> bool:
        """Make it known first."""
        if self.is_known:
            return super().step()
        self.make_known()
        self.is_known = True
        return True


class KnownLate(Newcomer):
    """Makes its column known when it has submitted."""

    def step(self) -> bool:
        """Make it known last."""
        if self.left:
            return Submitter.step(self)
        return not self.is_known and super().step()


def search_newcomer(rig: QueueRig, kind: type[Newcomer]) -> Found:
    """Search one that is there and one that comes; the number in use is shared."""
    count = rig.memory.words("submitters")
    rig.memory.initial[rig.memory.cell("submitters[0]")] = 1
    comes = cast("Newcomer", rig.submitter(1, kind))
    comes = replace(comes, make_known=partial(count.__setitem__, 0, 2))
    actors = [rig.submitter(0), comes]
    for each in actors:
        assert each.occupancy is not None
        each.occupancy._submitters = partial(count.__getitem__, 0)
    return Interleavings(rig.memory, [*actors, rig.device()]).search(rig.too_long)


def test_size_is_kept_while_a_submitter_comes() -> None:
    """Whoever looks before its column is known has its own wish seen by it."""
    found = search_newcomer(QueueRig(1, (2, 1)), Newcomer)

    assert found.counterexample is None, found.counterexample
    assert len(found.states) > 600


def test_column_that_is_known_late_would_be_found() -> None:
    """Its descriptors would not count, not even for itself."""
    found = search_newcomer(QueueRig(1, (2, 1)), KnownLate)

    assert found.counterexample is not None
    assert found.counterexample.what.endswith("a length that cannot be")
