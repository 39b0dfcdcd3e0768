"""The pump obeys, serves and drains; here without a process of its own."""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mpzswap.completion.status import Status
from mpzswap.device.check import Descriptor
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.main import CONTROL_EVERY, DeviceConfig, Pump
from mpzswap.device.words import COUNTERS, DEVICE_WORDS, TAKEN
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.attach import Attach, Detach, LanePlace, PublishCounters, encode
from mpzswap.ring.lane import TAIL_WORD, Lane, lane_bytes
from mpzswap.ring.memory import Segment, address
from mpzswap.topology.model import Device
from tests.tools.descriptors import NOOP, PASID, asking, packed
from tests.tools.eventfd import new_eventfd, raised

CAPACITY = 128
PORTAL = 3
RECORDS = 3 * PAGE_SIZE


@dataclass(frozen=True)
class Told:
    """A message of the parent."""

    body: bytes
    fds: tuple[int, ...] = ()


@dataclass
class FakeControl:
    """
    A parent that has said all it will say, and then lets go.

    Attributes:
        gone: a descriptor at its end of file: whoever polls it is woken at once.
        inbox: what the parent says.
        sent: what the device answered.
    """

    gone: int
    inbox: deque[Told] = field(default_factory=deque)
    sent: list[bytes] = field(default_factory=list)

    @property
    def draining(self) -> bool:
        """The parent lets go after its last word."""
        return not self.inbox

    def fileno(self) -> int:
        """Give the descriptor to poll."""
        return self.gone

    def ready(self) -> None:
        """Nobody waits for it here."""

    def send(self, body: bytes) -> None:
        """Keep what the device says."""
        self.sent.append(body)

    def receive_nowait(self) -> Told | None:
        """Give the next word."""
        return self.inbox.popleft() if self.inbox else None


class Rig:
    """A pump, its parent's words, and a portal with one lane and records."""

    def __init__(self, stack: ExitStack) -> None:
        gone, write_end = os.pipe()
        os.close(write_end)
        stack.callback(os.close, gone)
        eventfd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        stack.callback(os.close, eventfd)
        self.interrupt = stack.enter_context(new_eventfd())
        self.words = memoryview(bytearray(8 * DEVICE_WORDS)).cast("Q")
        self.control = FakeControl(gone)
        config = DeviceConfig(Device(name="iax0"), "deflate-iaa", words_offset=0)
        self.pump = Pump(config, self.control, self.words, eventfd)
        self.portal = Segment.create(PORTAL, 5 * PAGE_SIZE)
        stack.callback(self.portal.close)
        self.lane = Lane(self.portal.memory[: lane_bytes(CAPACITY)], CAPACITY)

    def tell(self, *messages: Attach | Detach | PublishCounters) -> None:
        """Say something; a segment and its interrupt go along as copies."""
        for message in messages:
            fds: list[int] = []
            if isinstance(message, Attach):
                fds = [self.portal.fd, self.interrupt][: 1 + bool(message.int_handle)]
            told = Told(encode(message), tuple(os.dup(fd) for fd in fds))
            self.control.inbox.append(told)

    def publish(self, count: int, noop: Descriptor = NOOP) -> None:
        """Publish descriptors that do nothing but answer, each into its record."""
        for ahead in range(count):
            record = address(PORTAL, RECORDS + 64 * ahead)
            at = self.lane.slot(ahead)
            self.lane.slots[at : at + 64] = packed(
                noop._replace(completion_addr=record)
            )
        self.lane.publish(count)

    def statuses(self, count: int) -> list[int]:
        """Give what was answered."""
        return list(self.portal.memory[RECORDS : RECORDS + 64 * count : 64])

    def counters(self) -> DeviceCounters:
        """Give what the device published."""
        return DeviceCounters.read(self.words[COUNTERS])


ATTACH = Attach(PASID, PORTAL, (LanePlace(wq=0, offset=0, capacity=CAPACITY),))
HANDLE = 9
ATTACH_INTERRUPT = Attach(PASID, PORTAL, ATTACH.lanes, HANDLE)
DETACH = Detach(PASID, PORTAL)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """Give a pump that was told nothing yet."""
    with ExitStack() as stack:
        yield Rig(stack)


def nr_mappings() -> int:
    """Give how many mappings of segments this process has."""
    return Path("/proc/self/maps").read_text().count("memfd:mpzswap")


def nr_descriptors() -> int:
    """Give how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_attached_lane_is_served(rig: Rig) -> None:
    """Descriptors of the portal are answered in the portal."""
    rig.tell(ATTACH)
    rig.publish(3)
    rig.pump._obey()
    rig.pump._serve()

    assert rig.statuses(4) == [Status.SUCCESS] * 3 + [Status.NONE]
    assert rig.lane.space_left() == CAPACITY


def test_every_word_is_answered_by_itself(rig: Rig) -> None:
    """The parent knows that it was done."""
    rig.tell(ATTACH, PublishCounters(), DETACH)
    rig.pump._obey()

    assert rig.control.sent == [
        encode(ATTACH),
        encode(PublishCounters()),
        encode(DETACH),
    ]


def test_other_pasid_is_refused_on_the_lane(rig: Rig) -> None:
    """A lane speaks for the address space that it was attached with."""
    rig.tell(Attach(PASID + 1, PORTAL, ATTACH.lanes))
    rig.publish(1)
    rig.pump._obey()
    rig.pump._serve()

    assert rig.statuses(1) == [Status.PRIV_BAD]


def test_detached_lane_is_not_served(rig: Rig) -> None:
    """Nothing in the segment is touched any more."""
    rig.tell(ATTACH, DETACH)
    rig.pump._obey()
    rig.publish(2)
    rig.pump._serve()

    assert rig.statuses(2) == [Status.NONE] * 2
    assert rig.lane.space_left() == CAPACITY - 2


@pytest.mark.parametrize(
    "told", [ATTACH, ATTACH_INTERRUPT], ids=["memory", "interrupt"]
)
def test_detach_gives_the_memory_back(rig: Rig, told: Attach) -> None:
    """The mapping and the descriptors that came along are gone."""
    mappings = nr_mappings()
    descriptors = nr_descriptors()
    rig.tell(told)
    rig.pump._obey()
    rig.publish(1)
    rig.pump._serve()
    assert nr_mappings() == mappings + 1
    rig.tell(DETACH)
    rig.pump._obey()

    assert nr_mappings() == mappings
    assert nr_descriptors() == descriptors


def test_interrupt_comes_with_its_segment(rig: Rig) -> None:
    """Descriptors may ask for it, and it is counted."""
    rig.tell(ATTACH_INTERRUPT)
    rig.publish(3, asking(NOOP, HANDLE))
    rig.pump._obey()
    rig.pump._serve()
    rig.pump._publish()

    assert rig.statuses(3) == [Status.SUCCESS] * 3
    assert raised(rig.interrupt) == rig.counters().interrupts == 3


def test_interrupt_goes_with_its_segment(rig: Rig) -> None:
    """Attached again without one, nobody can ask for it."""
    rig.tell(ATTACH_INTERRUPT, DETACH, ATTACH)
    rig.publish(1, asking(NOOP, HANDLE))
    rig.pump._obey()
    rig.pump._serve()

    assert rig.statuses(1) == [Status.INT_HANDLE_INVAL]
    assert raised(rig.interrupt) == 0


def test_interrupt_of_another_pasid_is_not_raised(rig: Rig) -> None:
    """The device has the handle, but not for who asks."""
    rig.tell(ATTACH, Attach(PASID + 1, PORTAL + 1, int_handle=HANDLE))
    rig.publish(1, asking(NOOP, HANDLE))
    rig.pump._obey()
    rig.pump._serve()
    rig.tell(Detach(PASID + 1, PORTAL + 1))
    rig.pump._obey()

    assert rig.statuses(1) == [Status.INT_HANDLE_INVAL]
    assert raised(rig.interrupt) == 0


def test_interrupt_of_another_segment_can_be_asked_for(rig: Rig) -> None:
    """It is the pasid's, whichever of its segments has the lane."""
    rig.tell(ATTACH, Attach(PASID, PORTAL + 1, int_handle=HANDLE))
    rig.publish(1, asking(NOOP, HANDLE))
    rig.pump._obey()
    rig.pump._serve()
    rig.tell(Detach(PASID, PORTAL + 1))
    rig.pump._obey()

    assert rig.statuses(1) == [Status.SUCCESS]
    assert raised(rig.interrupt) == 1


def test_segment_can_be_attached_again(rig: Rig) -> None:
    """What was detached leaves nothing behind."""
    rig.tell(ATTACH, DETACH, ATTACH)
    rig.publish(1)
    rig.pump._obey()
    rig.pump._serve()

    assert rig.statuses(1) == [Status.SUCCESS]


def test_device_answers_what_was_published_before_it_leaves(rig: Rig) -> None:
    """The parent let go; the lanes are drained first, however full they are."""
    rig.tell(ATTACH)
    rig.publish(100)
    rig.pump._obey()
    rig.pump.run()

    assert rig.statuses(100) == [Status.SUCCESS] * 100
    assert rig.counters().descriptors == 100


def test_device_obeys_while_it_has_nothing_to_do(rig: Rig) -> None:
    """The control socket wakes it, and its need to be woken is withdrawn."""
    rig.tell(ATTACH, PublishCounters())
    rig.pump.run()

    assert len(rig.control.sent) == 2
    assert rig.counters().sleeps == 1
    assert rig.words[0] == 0


def test_device_obeys_though_work_never_ends(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trickle that is never long absent does not keep it from its control."""
    served = iter(range(10 * CONTROL_EVERY))
    monkeypatch.setattr(rig.pump, "_serve", lambda: next(served) % 2)
    rig.tell(ATTACH)
    monkeypatch.setattr(rig.pump, "_drain", lambda: None)
    rig.pump.run()

    assert rig.control.sent == [encode(ATTACH)]


def test_what_is_taken_is_told(rig: Rig) -> None:
    """Entries are free as soon as they are taken, whoever looks at the answers."""
    rig.tell(ATTACH)
    rig.publish(5)
    rig.pump._obey()
    rig.pump._serve()

    assert rig.words[TAKEN].tolist()[0] == 5


def test_what_a_submitter_leaves_behind_takes_no_place(rig: Rig) -> None:
    """Descriptors in a lane that is detached count as taken."""
    rig.tell(ATTACH, DETACH)
    rig.publish(4)
    rig.pump._obey()

    assert rig.words[TAKEN].tolist()[0] == 4


def test_counters_are_published_when_asked_for(rig: Rig) -> None:
    """They are true when the answer comes, though the device has not slept."""
    rig.tell(ATTACH)
    rig.publish(2)
    rig.pump._obey()
    rig.pump._serve()
    assert rig.counters().descriptors == 0
    rig.tell(PublishCounters())
    rig.pump._obey()

    assert rig.counters().descriptors == 2


def test_broken_lane_is_counted_though_nothing_else_happens(rig: Rig) -> None:
    """A device with no other work tells of it when it falls asleep."""
    rig.tell(ATTACH)
    rig.pump._obey()
    rig.portal.memory[:128].cast("Q")[TAIL_WORD] = CAPACITY + 1
    rig.pump._sleep()

    assert rig.counters().broken_lanes == 1
