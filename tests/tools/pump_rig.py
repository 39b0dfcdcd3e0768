"""A pump whose parent has said all it will say; here without a process of its own."""

import os
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field

from mpzswap.clock.work import Clock, WorkClock
from mpzswap.device.check import Descriptor
from mpzswap.device.counters import DeviceCounters, read_injected
from mpzswap.device.main import DeviceConfig, Pump
from mpzswap.device.words import COUNTERS, DEVICE_WORDS, INJECTED
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.attach import Attach, Detach, LanePlace, PublishCounters, encode
from mpzswap.ring.lane import Lane, lane_bytes
from mpzswap.ring.memory import Segment, address
from mpzswap.topology.model import Device
from mpzswap.topology.timing import DeviceCodec
from tests.tools.descriptors import NOOP, PASID, packed
from tests.tools.eventfd import new_eventfd

CAPACITY = 128
PORTAL = 3
RECORDS = 3 * PAGE_SIZE
DATA = 4 * PAGE_SIZE


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
        clock: whose time it is.
        inbox: what the parent says.
        sent: what the device answered.
    """

    gone: int
    clock: Clock
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


class PumpRig:
    """A pump, its parent's words, and a portal with one lane and records."""

    def __init__(
        self,
        stack: ExitStack,
        kind: type[Pump] = Pump,
        device: Device | None = None,
        clock: Clock | None = None,
        timing: DeviceCodec | None = None,
    ) -> None:
        gone, write_end = os.pipe()
        os.close(write_end)
        stack.callback(os.close, gone)
        eventfd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        stack.callback(os.close, eventfd)
        self.interrupt = stack.enter_context(new_eventfd())
        self.words = memoryview(bytearray(8 * DEVICE_WORDS)).cast("Q")
        self.control = FakeControl(gone, clock or WorkClock())
        device = device or Device(name="iax0")
        config = DeviceConfig(device, "deflate-iaa", words_offset=0, timing=timing)
        self.pump = kind(config, self.control, self.words, eventfd)
        stack.callback(self.pump.close)
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

    def publish(self, count: int, descriptor: Descriptor = NOOP) -> None:
        """Publish so many; by default they only answer, each into its record."""
        for ahead in range(count):
            record = address(PORTAL, self.record_at(ahead))
            at = self.lane.slot(ahead)
            self.lane.slots[at : at + 64] = packed(
                descriptor._replace(completion_addr=record)
            )
        self.lane.publish(count)

    def publish_at(self, index: int, descriptor: Descriptor) -> None:
        """Publish one that answers into the record of that number."""
        record = address(PORTAL, self.record_at(index))
        at = self.lane.slot()
        self.lane.slots[at : at + 64] = packed(
            descriptor._replace(completion_addr=record)
        )
        self.lane.publish(1)

    @staticmethod
    def record_at(index: int) -> int:
        """Give where in the portal a record is."""
        return RECORDS + 64 * index

    def statuses(self, count: int) -> list[int]:
        """Give what was answered."""
        return list(self.portal.memory[RECORDS : RECORDS + 64 * count : 64])

    def counters(self) -> DeviceCounters:
        """Give what the device published."""
        return DeviceCounters.read(self.words[COUNTERS])

    def injected(self) -> dict[str, int]:
        """Give which faults were injected, and how often."""
        return read_injected(self.words[INJECTED])


ATTACH = Attach(PASID, PORTAL, (LanePlace(wq=0, offset=0, capacity=CAPACITY),))
HANDLE = 9
ATTACH_INTERRUPT = Attach(PASID, PORTAL, ATTACH.lanes, HANDLE)
DETACH = Detach(PASID, PORTAL)
