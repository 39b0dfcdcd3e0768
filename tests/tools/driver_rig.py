"""A driver over devices in the same process, which serve when the test says so."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from mpzswap.acomp.request import EAGAIN, Request
from mpzswap.codec.table import make_codec
from mpzswap.completion.interrupt import Interrupt
from mpzswap.completion.record import RECORD_BYTES, write_record
from mpzswap.device.arbiter import Arbiter, Burst, Source
from mpzswap.device.client import Client
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.engine import Engine
from mpzswap.driver.iaa_crypto import IaaCrypto
from mpzswap.driver.parts import DriverParts
from mpzswap.driver.portal import Portal, PortalLayout
from mpzswap.driver.queue import SubmitQueue
from mpzswap.driver.request import IaaRequest
from mpzswap.driver.submit import RETRY_INTERVAL_NS
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.doorbell import Doorbell
from mpzswap.ring.lane import Lane
from mpzswap.ring.memory import AddressSpace, Segment
from mpzswap.ring.occupancy import Occupancy
from mpzswap.topology.model import Device, Socket, Topology, WorkQueue
from mpzswap.topology.settings import MAX_WQS, DriverSettings
from mpzswap.topology.wq_table import WqTables, wq_tables
from tests.tools.machines import queues_of
from tests.tools.manual_clock import ManualClock

# The value of a driver's attribute.
Setting: TypeAlias = int | str
PASID = 5
INT_HANDLE = 7
PORTAL, MEMORY = 2, 3
NR_PAGES = 32
NR_BUFFERS = 64
# Rounds of serving and polling after which a request should have ended.
NR_ROUNDS = 200
# So that what a device does not answer becomes due.
ROUND_NS = 1_000_000


def one_queue(size: int = 8, **more: str) -> Device:
    """Give a device with a single work queue."""
    return Device(name="iax0", wqs=(WorkQueue(size=size, **more),))  # type: ignore[arg-type] # mode


def topology_of(*devices: Device, **driver: Setting) -> Topology:
    """Give a topology of one socket with *devices*, and these driver settings."""
    return Topology(
        memory=1 << 30,
        sockets=(Socket(cores=4),),
        devices=tuple(
            Device(name=f"iax{index}", wqs=device.wqs)
            for index, device in enumerate(devices)
        ),
        driver=msgspec.structs.replace(DriverSettings(), **driver),
    )


@dataclass
class FakeMachine:
    """A machine whose devices come and go as the test says."""

    topology: Topology
    usable: set[int]
    cores: int = 64
    turn: int = 0
    # Devices that the driver wanted ended, in order.
    ended: list[int] = field(default_factory=list)

    def generation(self) -> int:
        """Give a number that changes with ``lose``."""
        return self.turn

    def tables(self) -> WqTables:
        """Give the queues of CPU 0."""
        return wq_tables(self.topology, 0, queues_of(self.topology, self.usable))

    def incarnation(self, device: int) -> int:
        """Give how often a device came back; none does here."""
        return 0 * device

    def is_usable(self, device: int, incarnation: int) -> bool:
        """Tell whether a device was not lost."""
        return device in self.usable and incarnation == 0

    def submitters(self) -> int:
        """Us, and whoever takes places in ``DriverRig.occupy``."""
        return 2

    def end(self, device: int, incarnation: int) -> None:
        """Note who is to be ended; a test lets it die."""
        assert incarnation == self.incarnation(device)
        self.ended.append(device)

    def lose(self, device: int) -> None:
        """Let a device die."""
        self.usable.remove(device)
        self.turn += 1


@dataclass(eq=False)
class HandDevice:
    """A device that does one step when it is told to."""

    arbiter: Arbiter
    engine: Engine
    counters: DeviceCounters = field(default_factory=DeviceCounters)

    def take(self) -> list[Burst]:
        """Take what one pass takes, and do nothing with it yet."""
        return list(self.arbiter.take())

    def run(self, bursts: Sequence[Burst]) -> None:
        """Do it, and answer."""
        for burst in bursts:
            self.engine.run(burst.descriptors, burst.source.client)

    def serve(self) -> None:
        """Take and do one pass."""
        self.run(self.take())


class Served(IaaCrypto):
    """A driver whose devices serve one pass in every pause."""

    def __init__(
        self, parts: DriverParts, clock: ManualClock, serve: Callable[[], None]
    ) -> None:
        super().__init__(parts)
        self._time = clock
        self._serve = serve

    def pause(self, requests: Sequence[Request]) -> None:
        """Give the devices time, in a way that needs none."""
        # First: nobody else interrupts whoever sleeps.
        self._serve()
        super().pause(requests)
        self._time.ns += ROUND_NS


class DriverRig:
    """
    A driver, its portal, its pages, and the devices on other mappings of both.

    Attributes:
        frames: the pages that requests may name.
        driver: the driver; nothing happens before ``serve``, or its ``pause``.
        devices: by index.
        queues: by device and work queue.
    """

    def __init__(
        self,
        stack: ExitStack,
        topology: Topology,
        compressor: str,
        nr_buffers: int,
        *,
        counts_stages: bool = False,
    ) -> None:
        self.layout = PortalLayout.plan(topology, nr_buffers)
        ours = AddressSpace()
        ours.add(Segment.create(PORTAL, self.layout.size))
        ours.add(Segment.create(MEMORY, NR_PAGES * PAGE_SIZE))
        theirs = AddressSpace()
        segments = [segment for segment, _, _ in ours._segments.values()]
        for segment in segments:
            theirs.add(Segment.map(segment.number, os.dup(segment.fd)))
        stack.callback(ours.close)
        stack.callback(theirs.close)
        self.clock = ManualClock()
        self.interrupt: Interrupt | None = None
        if topology.driver.sync_mode == "async_irq":
            self.interrupt = Interrupt.create(INT_HANDLE)
            stack.callback(self.interrupt.close)
        self.codec = make_codec(compressor)
        self.frames = segments[1].frames(0, NR_PAGES)
        self.portal = Portal(segments[0], self.layout)
        self.portal_memory = segments[0].memory
        self.machine = FakeMachine(topology, set(range(len(topology.devices))))
        self.others: dict[tuple[int, int], memoryview] = {}
        self.taken = [
            memoryview(bytearray(MAX_WQS * 8)).cast("Q") for _ in topology.devices
        ]
        self.queues = {(q.device, q.wq): q for q in self._queues(topology)}
        self.devices = [
            self._device(index, device, theirs)
            for index, device in enumerate(topology.devices)
        ]
        parts = DriverParts(
            interrupt=self.interrupt,
            settings=topology.driver,
            machine=self.machine,
            portal=self.portal,
            queues=tuple(self.queues.values()),
            codec=make_codec(compressor),
            space=ours,
            pasid=PASID,
            clock=self.clock,
            counts_stages=counts_stages,
        )
        self.driver = Served(parts, self.clock, self.serve)
        self.stats = self.driver.stats

    def _queues(self, topology: Topology) -> Iterator[SubmitQueue]:
        # Nobody sleeps, so no doorbell is rung and no eventfd is needed.
        doorbell = Doorbell(memoryview(bytearray(8)).cast("Q"), -1)
        retries = topology.driver.enqcmds_retries
        for index, device in enumerate(topology.devices):
            for wq, queue in enumerate(device.wqs):
                words = memoryview(bytearray(16)).cast("Q")
                self.others[index, wq] = words[1:]
                yield SubmitQueue(
                    device=index,
                    wq=wq,
                    lane=self.portal.lane(index, wq),
                    occupancy=Occupancy(
                        words,
                        self.taken[index][wq : wq + 1],
                        0,
                        queue.capacity,
                        lambda: 2,
                    ),
                    doorbell=doorbell,
                    enqcmds_retries=retries * (queue.mode == "shared"),
                )

    def _device(self, index: int, device: Device, theirs: AddressSpace) -> HandDevice:
        counters = DeviceCounters()
        arbiter = Arbiter(device, self.taken[index])
        memory = theirs._segments[PORTAL][1]
        client = Client(PASID, theirs)
        if self.interrupt is not None:
            client.interrupts[INT_HANDLE] = self.interrupt.eventfd
        for place in self.layout.lanes[0][index]:
            lane = Lane(memory[place.offset : place.end], place.capacity)
            arbiter.add(place.wq, Source(lane, PORTAL, client))
        codec = make_codec(self.codec.name)
        size = device.max_transfer_size
        return HandDevice(arbiter, Engine(codec, size, self.clock, counters), counters)

    # The machine

    def serve(self) -> None:
        """Let every device that was not lost do one pass."""
        for index in sorted(self.machine.usable):
            self.devices[index].serve()

    def occupy(self, count: int, device: int = 0, wq: int = 0) -> None:
        """Let another submitter have *count* descriptors in a queue."""
        self.others[device, wq][0] = count

    def ready(self) -> list[int]:
        """Give how many descriptors wait in each queue, in order."""
        counts: Counter[tuple[int, int]] = Counter()
        for key, queue in self.queues.items():
            counts[key] = queue.lane.capacity - queue.lane.space_left()
        return [counts[key] for key in sorted(counts)]

    def answer(self, request: IaaRequest, page: int, *answer: int) -> None:
        """Answer for a device, now: status and error code; zeros for the rest."""
        status, error_code = (*answer, 0)[:2]
        stamps = self.clock.ns, self.clock.ns
        write_record(
            self.record(request, page), status, (error_code, *[0] * 14, *stamps)
        )

    def record(self, request: IaaRequest, page: int) -> memoryview:
        """Give the completion record at a position of a request."""
        at = self.layout.records_offset + (request.first + page) * RECORD_BYTES
        return self.portal_memory[at : at + RECORD_BYTES]

    # The user

    def put(self, pages: Sequence[bytes], first: int = 0) -> list[int]:
        """Put *pages* into frames; give their addresses."""
        for index, page in enumerate(pages, first):
            self.frames.views[index][:] = page
        return [self.frames.address_of(first + i) for i in range(len(pages))]

    def request(self, pages: Sequence[bytes], first: int = 0) -> IaaRequest:
        """Give a request for *pages*, which are in frames from *first* on."""
        request = self.driver.allocate(len(pages))
        request.pages = self.put(pages, first)
        return request

    def packed_request(self, pages: Sequence[bytes], first: int = 0) -> IaaRequest:
        """Give a request to decompress *pages* into frames from *first* on."""
        request = self.driver.allocate(len(pages))
        request.pages = [self.frames.address_of(first + i) for i in range(len(pages))]
        request.lengths = [0] * len(pages)
        for place, page in enumerate(pages):
            self.pack(request, place, self.codec.compress(memoryview(page)))
        return request

    def pack(self, request: IaaRequest, place: int, stream: bytes) -> None:
        """Put a stream into a buffer of the request."""
        request.buffers.views[place][: len(stream)] = stream
        request.lengths[place] = len(stream)

    def poll_later(self, request: Request) -> int:
        """Poll when an attempt to get a place counts again."""
        self.clock.ns += RETRY_INTERVAL_NS
        return self.driver.poll(request)

    def finish(self, request: IaaRequest) -> int:
        """Serve and poll until the request has ended; give what poll gave."""
        for _ in range(NR_ROUNDS):
            self.serve()
            self.clock.ns += ROUND_NS
            result = self.driver.poll(request)
            if result != EAGAIN:
                return result
        raise AssertionError(f"still pending: {request.errors}")

    def unpacked(self, request: IaaRequest, place: int = 0) -> bytes:
        """Give the page that a compressed result holds."""
        packed = request.buffers.views[place][: request.lengths[place]]
        return self.codec.decompress(packed, PAGE_SIZE)

    def page(self, index: int) -> bytes:
        """Give what is in a frame."""
        return bytes(self.frames.views[index])


@contextmanager
def driver_rig(
    *devices: Device,
    compressor: str = "deflate-iaa",
    nr_buffers: int = NR_BUFFERS,
    **driver: Setting,
) -> Iterator[DriverRig]:
    """Give a rig with *devices*; *driver* are settings."""
    with ExitStack() as stack:
        topology = topology_of(*devices, **driver)
        yield DriverRig(stack, topology, compressor, nr_buffers)


@contextmanager
def counting_rig(*devices: Device, **driver: Setting) -> Iterator[DriverRig]:
    """Give a rig whose driver counts the stages of its pages."""
    with ExitStack() as stack:
        topology = topology_of(*devices, **driver)
        yield DriverRig(stack, topology, "deflate-iaa", NR_BUFFERS, counts_stages=True)
