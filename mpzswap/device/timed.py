"""
A device that keeps a profile's time: an engine and a pump around those of real work.

    arrived --- queue ---> an engine that is free --- its time ---> latency --- record
                           does the work, at once      then it is free again

The work itself is that of any device; what is withheld is the completion record, until
the time at which the profile says that it could be seen.  Each engine does one
descriptor after the other.  Where we come too late, as on a host with fewer cores than
devices, an engine is taken to have gone on by itself from what was in its queue
already: lateness is counted, and not added up.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from mpzswap.clock.work import Clock
from mpzswap.codec.contract import Codec
from mpzswap.codec.table import make_codec
from mpzswap.completion.status import Status
from mpzswap.device import main as plain
from mpzswap.device.check import Descriptor
from mpzswap.device.client import Client
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.dispatch import COMPRESS, Dispatcher, Taken
from mpzswap.device.engine import Answer, Engine
from mpzswap.device.words import ENGINES, TAKEN
from mpzswap.ring.descriptor import DESCRIPTOR_STRUCT, Opcode, unpack_flags_opcode
from mpzswap.topology.model import Device
from mpzswap.topology.timing import DeviceCodec

# Ours: an answer that is later than this part of its descriptor's time in the device
# is late; less does not show beside what is published.
LATE_PART = 20
DECOMPRESS = int(Opcode.DECOMPRESS)


@dataclass(eq=False)
class Unit:
    """One engine of a group; *number* is its place among the device's."""

    number: int
    group: int
    compresses: bool
    busy_ns: int = 0
    # When it was, or will be, done with what it has.
    free_ns: int = 0
    idle: bool = True

    def busy_until(self, now_ns: int) -> int:
        """Give for how long it was busy by *now_ns*: what it has may take longer."""
        return self.busy_ns - max(0, self.free_ns - now_ns)


class Held(NamedTuple):
    """An answer that is to be written when its time has come."""

    due_ns: int
    number: int
    # When its descriptor was found, when an engine began, and when that was done.
    times: tuple[int, int, int]
    descriptor: Descriptor
    client: Client
    answer: Answer


class TimedEngine(Engine):
    """
    The engines of one device, each at its work.

    Args:
        codec, max_transfer_size, clock, counters: as of an engine of real work.
        device: as the topology has it.
        timing: what its engines take.
    """

    def __init__(
        self,
        codec: Codec,
        clock: Clock,
        counters: DeviceCounters,
        device: Device,
        timing: DeviceCodec,
    ) -> None:
        super().__init__(codec, device.max_transfer_size, clock, counters)
        self.units = tuple(units_of(device))
        self._timing = timing
        # Heaps: when engines are done, and when answers can be seen.
        self._working: list[tuple[int, int, Unit]] = []
        self._held: list[Held] = []
        self._numbers = 0
        # When the engine that was freed last was done.
        self._freed_ns = 0

    def is_free(self, group: int, compresses: bool) -> bool:  # noqa: FBT001 - by position, as the dispatcher calls it
        """Tell whether an engine of *group* can run a compression, or another."""
        return self._first_free(group, compresses=compresses) is not None

    def begin(self, group: int, taken: Taken) -> None:
        """Let an engine that is free run a descriptor; do the work."""
        descriptor = Descriptor._make(DESCRIPTOR_STRUCT.unpack(taken.descriptor))
        opcode = unpack_flags_opcode(descriptor.flags_opcode)[1]
        unit = self._first_free(group, compresses=opcode == COMPRESS)
        assert unit is not None, "the dispatcher has asked"
        client = taken.source.client
        answer = self._answer(descriptor, client)
        # Nor before an engine was free for what came before it in its lane.
        start_ns = max(taken.arrived_ns, self._freed_ns)
        service_ns = round(self._service_ns(descriptor, opcode, answer))
        done_ns = start_ns + service_ns
        unit.idle, unit.free_ns = False, done_ns
        unit.busy_ns += service_ns
        self._numbers += 1
        heapq.heappush(self._working, (done_ns, self._numbers, unit))
        due_ns = done_ns + self._latency_ns(opcode)
        asked = descriptor, client, answer
        times = taken.arrived_ns, start_ns, done_ns
        held = Held(due_ns, self._numbers, times, *asked)
        heapq.heappush(self._held, held)

    def free_one(self, now_ns: float) -> bool:
        """Free the engine that is done first; give whether one is by now."""
        if not self._working or self._working[0][0] > now_ns:
            return False
        self._freed_ns, _, unit = heapq.heappop(self._working)
        unit.idle = True
        return True

    def answer(self, now_ns: float) -> int:
        """Write the answers that are due; give how many."""
        answered = 0
        while self._held and self._held[0].due_ns <= now_ns:
            held = heapq.heappop(self._held)
            self._write(held)
            self._count_late(held)
            answered += 1
        return answered

    def next_due_ns(self) -> float:
        """Give when something is next to be released; infinity: nothing is."""
        due_ns = self._held[0].due_ns if self._held else math.inf
        return min(due_ns, self._working[0][0]) if self._working else due_ns

    def _first_free(self, group: int, *, compresses: bool) -> Unit | None:
        """Give the engine that was free first; of a group without its kind, any."""
        units = [unit for unit in self.units if unit.group == group]
        kind = [unit for unit in units if unit.compresses == compresses] or units
        free = [unit for unit in kind if unit.idle]
        return min(free, key=lambda unit: unit.free_ns, default=None)

    def _service_ns(self, descriptor: Descriptor, opcode: int, answer: Answer) -> float:
        """Give what an engine takes; one that refuses takes nothing that is known."""
        if opcode == COMPRESS and answer.status in (
            Status.SUCCESS,
            Status.ANALYTICS_ERROR,
        ):
            return self._timing.compress.engine_ns(descriptor.src1_size)
        if opcode == DECOMPRESS and answer.status == Status.SUCCESS:
            return self._timing.decompress.engine_ns(answer.output_size)
        return 0.0

    def _latency_ns(self, opcode: int) -> int:
        """Give how long after its engine an answer can be seen."""
        ways = {COMPRESS: self._timing.compress, DECOMPRESS: self._timing.decompress}
        return ways[opcode].latency_ns if opcode in ways else 0

    def _write(self, held: Held) -> None:
        record = self._find_record(held.descriptor, held.client.space)
        if record is None:
            # Its address is bad, or its client has left meanwhile.
            self._counters.unreported += 1
            return
        asked = held.descriptor, held.client
        self._report(record, asked, held.answer, held.times[1:])
        self._clock.notify(held.client.pasid)

    def _count_late(self, held: Held) -> None:
        late_ns = self._clock.now_ns() - held.due_ns
        if late_ns * LATE_PART > held.due_ns - held.times[0]:
            counters = self._counters
            counters.late += 1
            counters.late_ns += late_ns
            counters.late_max_ns = max(counters.late_max_ns, late_ns)


class TimedPump(plain.Pump):
    """A pump that gives engines what they can run, and answers when it is time."""

    def __init__(
        self,
        config: plain.DeviceConfig,
        control: plain.Control,
        words: memoryview,
        eventfd: int,
    ) -> None:
        super().__init__(config, control, words, eventfd)
        self._engine_words = words[ENGINES]

    def _make_arbiter(self, words: memoryview) -> Dispatcher:
        self._dispatcher = Dispatcher(self._config.device, words[TAKEN])
        return self._dispatcher

    def _make_engine(self) -> TimedEngine:
        assert self._config.timing is not None, "whoever starts us has looked"
        self._timed = TimedEngine(
            make_codec(self._config.compressor),
            self._clock,
            self._counters,
            self._config.device,
            self._config.timing,
        )
        return self._timed

    def _serve(self) -> int:
        served = self._go_on(self._clock.now_ns())
        self._dispatcher.note(self._clock.now_ns)
        return served + self._dispatch()

    def _go_on(self, now_ns: float) -> int:
        """Let engines go on by themselves until *now_ns*; give what was served."""
        served = 0
        # One after the other: what is free first runs what is next, and may be free
        # again before another is.
        while self._timed.free_one(now_ns):
            served += 1 + self._dispatch()
        return served + self._timed.answer(now_ns)

    def _dispatch(self) -> int:
        """Give engines that are free what they can run; give how much that was."""
        given = 0
        for group, queues in self._dispatcher.groups.items():
            is_free = partial(self._timed.is_free, group)
            while (taken := self._dispatcher.take_one(queues, is_free)) is not None:
                self._timed.begin(group, taken)
                given += 1
        return given

    def _idle_timeout_ns(self) -> int:
        left_ns = self._timed.next_due_ns() - self._clock.now_ns()
        return int(max(0, min(left_ns, super()._idle_timeout_ns())))

    def _drain(self) -> None:
        super()._drain()
        until = self._clock.now_ns() + plain.DRAIN_TIMEOUT_NS
        # Nobody measures any more: engines are free at once for what still waits.
        while self._go_on(math.inf) and self._clock.now_ns() < until:
            super()._drain()
        self._publish()

    def _publish(self) -> None:
        now_ns = self._clock.now_ns()
        busy = [unit.busy_until(now_ns) for unit in self._timed.units]
        self._counters.busy_ns = sum(busy)
        super()._publish()
        for unit, busy_ns in zip(self._timed.units, busy, strict=True):
            self._engine_words[unit.number] = busy_ns


def units_of(device: Device) -> Iterator[Unit]:
    """Give the engines that are in groups: of each, those that compress first."""
    number = 0
    for index, group in enumerate(device.groups):
        kinds = (True, group.compress_engines), (False, group.decompress_engines)
        for compresses, count in kinds:
            for _ in range(count):
                yield Unit(number, index, compresses)
                number += 1


def main(control: plain.Control, config: bytes, fds: Sequence[int]) -> None:
    """Be a device that keeps a profile's time."""
    plain.main(control, config, fds, TimedPump)
