"""
The life of a device process: a pump.

    take descriptors -> run them -> answer -> look at the control socket now and then
          |
          nothing to take: look and yield -> arm the doorbell, look once more
                                             -> block until rung or told something

The control socket brings segments to attach and to detach; its end means: answer
what is in the lanes, then leave.
"""

import os
from collections.abc import Sequence
from typing import Protocol

import msgspec

from mpzswap.clock.work import Clock
from mpzswap.codec.table import make_codec
from mpzswap.device.arbiter import Arbiter, Source
from mpzswap.device.client import Client
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.engine import Engine
from mpzswap.device.words import COUNTERS, DEVICE_WORDS, NEED_WAKEUP, TAKEN
from mpzswap.ring import attach
from mpzswap.ring.doorbell import Doorbell
from mpzswap.ring.lane import Lane
from mpzswap.ring.memory import BOARD_SEGMENT, Segment
from mpzswap.topology.model import Device
from mpzswap.topology.timing import DeviceCodec

# A sleeping device is woken by its doorbell and its control; no wait is without limit.
IDLE_TIMEOUT_NS = 1_000_000_000
# Passes and descriptors between two looks at the control socket: a look costs 2 us.  A
# full burst is as many: with the slowest codec it takes 150 ms, and whoever tells us of
# memory believes us dead after 5 s.
CONTROL_EVERY = 256
# A drain answers what was published before; a submitter that goes on publishing
# does not keep the device.  Half of what the parent waits before it uses force.
DRAIN_TIMEOUT_NS = 500_000_000


class Message(Protocol):
    """What the parent says."""

    @property
    def body(self) -> bytes:
        """One of ``mpzswap.ring.attach``."""

    @property
    def fds(self) -> tuple[int, ...]:
        """The segment, where one comes, and the eventfd of its interrupt."""


class Control(Protocol):
    """The child's end of its control socket."""

    @property
    def clock(self) -> Clock:
        """Whose time it is in this process."""

    @property
    def draining(self) -> bool:
        """Whether the parent has let go of us."""

    def fileno(self) -> int:
        """Give the descriptor to poll."""

    def ready(self) -> None:
        """Say that we are ready."""

    def send(self, body: bytes) -> None:
        """Send a message to the parent."""

    def receive_nowait(self) -> Message | None:
        """Give the next message; after None look at ``draining``."""


class DeviceConfig(msgspec.Struct, frozen=True):
    """What a device process is told at its start; travels as JSON."""

    device: Device
    compressor: str
    # Where in the board its words begin, bytes; see device.words.
    words_offset: int
    # The core to stay on; None: wherever the scheduler likes.
    core: int | None = None
    # How long to look for work before sleeping.
    spin_ns: int = 0
    # How often the device was started anew.
    incarnation: int = 0
    # What its engines take, where a profile's time is kept.
    timing: DeviceCodec | None = None


class Pump:
    """One device: its arbiter, its engine, its doorbell, its control socket."""

    def __init__(
        self, config: DeviceConfig, control: Control, words: memoryview, eventfd: int
    ) -> None:
        self._config = config
        self._control = control
        self._clock = control.clock
        self._words = words[COUNTERS]
        self._doorbell = Doorbell(words[NEED_WAKEUP], eventfd)
        self._counters = DeviceCounters()
        self._arbiter = self._make_arbiter(words)
        self._engine = self._make_engine()
        self._clients: dict[int, Client] = {}
        self._fds = eventfd, control.fileno()

    def _make_arbiter(self, words: memoryview) -> Arbiter:
        return Arbiter(self._config.device, words[TAKEN])

    def _make_engine(self) -> Engine:
        return Engine(
            make_codec(self._config.compressor),
            self._config.device.max_transfer_size,
            self._clock,
            self._counters,
        )

    def run(self) -> None:
        """Serve until the control socket ends, then drain."""
        steps = 0
        idle_since = self._clock.now_ns()
        while not self._control.draining:
            if steps >= CONTROL_EVERY:
                steps = 0
                self._obey()
                self._publish()
            served = self._serve()
            steps += 1 + served
            if served:
                idle_since = self._clock.now_ns()
            elif self._clock.now_ns() - idle_since >= self._config.spin_ns:
                self._sleep()
                idle_since = self._clock.now_ns()
            else:
                # Whoever would give us work may be waiting for this core.
                self._clock.relax()
        self._drain()

    def close(self) -> None:
        """Give back what it was told of, and still has."""
        for client in self._clients.values():
            client.close()

    def _serve(self) -> int:
        served = 0
        for burst in self._arbiter.take():
            self._engine.run(burst.descriptors, burst.source.client)
            served += burst.nr_descriptors
        return served

    def _sleep(self) -> None:
        """Sleep until there is work, or something to obey."""
        self._doorbell.arm()
        if self._serve() == 0:
            self._counters.sleeps += 1
            self._publish()
            self._clock.wait_readable(self._fds, self._idle_timeout_ns())
        self._doorbell.disarm()
        self._obey()

    def _idle_timeout_ns(self) -> int:
        """Give how long to sleep at most; asked once nothing is left to do."""
        return IDLE_TIMEOUT_NS

    def _drain(self) -> None:
        until = self._clock.now_ns() + DRAIN_TIMEOUT_NS
        while self._serve() and self._clock.now_ns() < until:
            pass
        self._publish()

    def _publish(self) -> None:
        self._counters.broken_lanes = self._arbiter.broken_lanes
        self._counters.publish(self._words)

    def _obey(self) -> None:
        """Do what the parent asked for, and say so."""
        while (received := self._control.receive_nowait()) is not None:
            request = attach.MESSAGE.decode(received.body)
            if isinstance(request, attach.Attach):
                self._attach(request, received.fds)
            elif isinstance(request, attach.Detach):
                self._detach(request)
            else:
                self._publish()
            self._control.send(received.body)

    def _attach(self, request: attach.Attach, fds: tuple[int, ...]) -> None:
        segment = Segment.map(request.segment, fds[0])
        segment.prefault()
        client = self._clients.setdefault(request.pasid, Client(request.pasid))
        client.attach(segment)
        if request.int_handle:
            client.add_interrupt(request.segment, request.int_handle, fds[1])
        for place in request.lanes:
            memory = segment.memory[place.offset : place.end]
            lane = Lane(memory, place.capacity)
            source = Source(lane, request.segment, client)
            self._arbiter.add(place.wq, source)

    def _detach(self, request: attach.Detach) -> None:
        client = self._clients.get(request.pasid)
        # Who was interrupted in telling us of it does not know whether we know it.
        if client is not None and client.knows(request.segment):
            self._arbiter.remove(request.segment)
            client.detach(request.segment)


def main(
    control: Control, config: bytes, fds: Sequence[int], kind: type[Pump] = Pump
) -> None:
    """Be a device; *fds* are the board and the doorbell's eventfd."""
    device = msgspec.json.decode(config, type=DeviceConfig)
    if device.core is not None:
        os.sched_setaffinity(0, {device.core})
    board = Segment.map(BOARD_SEGMENT, fds[0])
    words = board.words(device.words_offset, DEVICE_WORDS)
    pump = kind(device, control, words, fds[1])
    try:
        control.ready()
        pump.run()
    finally:
        # No process ends here where time is made up.
        pump.close()
