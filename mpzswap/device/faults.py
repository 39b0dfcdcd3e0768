"""
A device in which things go wrong: an engine and a pump around those that do well.

    run -> held up? -> an error instead of the work?
                       no: the work -> its output damaged? -> lost, late, or twice?

Which faults there are, and what each of them does, is in ``topology.faults``.  A device
that has some is started here, any other in ``device.main``, which knows nothing of it.

A device answers twice at the moment at which it does most harm: when it has taken the
next descriptor with the same record.  The first request is over then, the next one is
not answered, and whoever takes the first status that comes has the wrong one.  At any
other time the record may be in use with another device.  Two that write it at once
make one of both, which no hardware does: it writes a record in one piece.
"""

import math
import os
import random
import signal
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mpzswap.clock.work import Clock
from mpzswap.codec.contract import Codec
from mpzswap.codec.table import make_codec
from mpzswap.completion.status import ErrorCode, Status
from mpzswap.device import main as healthy
from mpzswap.device.check import RCI, Descriptor
from mpzswap.device.client import Client
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.engine import SUPPRESS_OUTPUT, Answer, Engine, write_answer
from mpzswap.device.words import INJECTED
from mpzswap.ring.descriptor import Opcode, unpack_flags_opcode
from mpzswap.topology.fault_line import parse_fault
from mpzswap.topology.faults import DAMAGE, Fault, Kind, Op, Trigger
from mpzswap.topology.model import Device

# What the kinds do.  A descriptor has all that hit it of those that hold it up, and of
# each other row the first.
HELD_UP = (Kind.SLOW, Kind.CRASH, Kind.STOP)
ERRORS = (
    *(Kind.PAGE_FAULT, Kind.OUTPUT_OVERFLOW, Kind.WATCHDOG),
    *(Kind.HW_ERROR, Kind.STATUS),
)
ANSWERED = (Kind.LOST, Kind.LATE, Kind.DUPLICATE)

# What a device does not survive.
SIGNALS = {Kind.CRASH: signal.SIGKILL, Kind.STOP: signal.SIGSTOP}
STATUS_OF = {Kind.WATCHDOG: Status.WATCHDOG, Kind.HW_ERROR: Status.HW_ERR1}
WORD_OF = {kind: index for index, kind in enumerate(Kind)}
# Ours: of a stream or a page so many bytes are inverted; one could be one that no
# decompressor looks at.
WRONG_BYTES = 4


class Injector:
    """
    The faults of a device: which of them hit a descriptor, and how often they did.

    Args:
        device: as the topology has it.
        words: a shared word for each kind.
        incarnation: how often it was started anew; each draws by itself.
    """

    def __init__(self, device: Device, words: memoryview, incarnation: int = 0) -> None:
        self._words = words
        names = [wq.name for wq in device.wqs]
        self._faults = [
            (
                fault.queues(names),
                Trigger(fault, f"{device.name} {position} {incarnation}"),
            )
            for position, fault in enumerate(map(parse_fault, device.faults))
        ]

    def hits(self, kinds: Sequence[Kind], wq: int, op: Op | None) -> Iterator[Fault]:
        """Give those of some kinds that hit a descriptor; who stops, asks no more."""
        for queues, trigger in self._faults:
            fault = trigger.fault
            meant = fault.kind in kinds and wq in queues and fault.op in (None, op)
            if op and meant and trigger.hits():
                yield fault

    def count(self, kind: Kind) -> None:
        """Count one, at once: the process may be about to end."""
        self._words[WORD_OF[kind]] += 1


class Held(NamedTuple):
    """An answer that is to be written later."""

    due_ns: int
    descriptor: Descriptor
    client: Client
    answer: Answer
    stamps: tuple[int, int]


class FaultyEngine(Engine):
    """An engine some of whose descriptors go wrong."""

    def __init__(
        self,
        codec: Codec,
        max_transfer_size: int,
        clock: Clock,
        counters: DeviceCounters,
        injector: Injector,
    ) -> None:
        super().__init__(codec, max_transfer_size, clock, counters)
        self._injector = injector
        self._wq = 0
        self._late: list[Held] = []
        # The last answer of each record that is to come twice, by its address.
        self._twice: dict[tuple[int, int], Held] = {}
        # Which bytes are wrong; which descriptors are, does not depend on it.
        self._places = random.Random(0)  # noqa: S311 - a choice, no secret

    def begin(self, wq: int) -> None:
        """Be told from which queue the next descriptors are."""
        self._wq = wq

    # Steps

    def _recognise(self, burst: bytes, client: Client) -> None:
        """Take no burst as plain: each descriptor of it may go wrong."""

    def _answer(self, descriptor: Descriptor, client: Client) -> Answer:
        op = op_of(descriptor)
        if held := self._twice.pop((client.pasid, descriptor.completion_addr), None):
            self._repeat(held)
        for fault in self._hits(HELD_UP, op):
            self._hold_up(fault)
        for fault in self._hits(ERRORS, op):
            self._injector.count(fault.kind)
            return self._error(fault, descriptor, client)
        answer = super()._answer(descriptor, client)
        if answer.output_size and op is not Op.VERIFY:
            for fault in self._hits(DAMAGE, op):
                self._injector.count(fault.kind)
                return self._damage(fault, descriptor, client, answer)
        return answer

    def _report(
        self,
        record: memoryview,
        asked: tuple[Descriptor, Client],
        answer: Answer,
        stamps: tuple[int, int],
    ) -> None:
        fault = next(self._hits(ANSWERED, op_of(asked[0])), None)
        kind = fault.kind if fault else None
        if fault and kind in (Kind.LOST, Kind.LATE):
            self._injector.count(fault.kind)
            if kind is Kind.LATE:
                due_ns = stamps[1] + fault.delay_ns
                self._late.append(Held(due_ns, *asked, answer, stamps))
            return
        super()._report(record, asked, answer, stamps)
        if kind is Kind.DUPLICATE:
            descriptor, client = asked
            address = client.pasid, descriptor.completion_addr
            self._twice[address] = Held(stamps[1], *asked, answer, stamps)

    def _hits(self, kinds: Sequence[Kind], op: Op | None) -> Iterator[Fault]:
        return self._injector.hits(kinds, self._wq, op)

    # Before the work, and instead of it

    def _hold_up(self, fault: Fault) -> None:
        self._injector.count(fault.kind)
        if fault.kind is Kind.SLOW:
            self._clock.sleep_ns(fault.delay_ns)
        else:
            os.kill(os.getpid(), SIGNALS[fault.kind])

    def _error(self, fault: Fault, descriptor: Descriptor, client: Client) -> Answer:
        if fault.kind is Kind.PAGE_FAULT:
            return self._page_fault(descriptor, client)
        if fault.kind is Kind.OUTPUT_OVERFLOW:
            if op_of(descriptor) is Op.COMPRESS:
                return Answer(Status.ANALYTICS_ERROR, ErrorCode.COMP_BUF_OVERFLOW)
            return Answer(Status.OUTBUF_OVERFLOW)
        return Answer(STATUS_OF.get(fault.kind, fault.code))

    def _page_fault(self, descriptor: Descriptor, client: Client) -> Answer:
        """Do half of the work; the source faults, or where a decompression writes."""
        answer = super()._answer(descriptor, client)
        done = descriptor.src1_size // 2
        fault_addr = descriptor.src1_addr + done
        if op_of(descriptor) is Op.DECOMPRESS:
            fault_addr = descriptor.dst_addr + answer.output_size // 2
        if op_of(descriptor) is not Op.VERIFY:
            self._wipe_half(output_of(descriptor, client, answer))
        return Answer(Status.PAGE_FAULT_IR, bytes_completed=done, fault_addr=fault_addr)

    # After the work

    def _damage(
        self, fault: Fault, descriptor: Descriptor, client: Client, answer: Answer
    ) -> Answer:
        output = output_of(descriptor, client, answer)
        if fault.kind is Kind.TRUNCATED:
            return answer._replace(output_size=self._wipe_half(output))
        size = len(output)
        for place in self._places.sample(range(size), min(WRONG_BYTES, size)):
            output[place] ^= 0xFF
        return answer

    @staticmethod
    def _wipe_half(output: memoryview) -> int:
        """Leave the first half alone; give its size."""
        half = len(output) // 2
        output[half:] = bytes(len(output) - half)
        return half

    # Later

    def write_late(self, until_ns: float) -> None:
        """Write the late answers that are due."""
        due = [each for each in self._late if each.due_ns <= until_ns]
        for each in due:
            self._late.remove(each)
            _, descriptor, client, answer, (taken_ns, _) = each
            record = self._find_record(descriptor, client.space)
            if record is None:
                # Its client has left meanwhile.
                self._counters.unreported += 1
                continue
            stamps = taken_ns, self._clock.now_ns()
            super()._report(record, (descriptor, client), answer, stamps)

    def next_due_ns(self) -> float:
        """Give when the next late answer is due."""
        return min((each.due_ns for each in self._late), default=math.inf)

    def _repeat(self, held: Held) -> None:
        """Answer once more, in the record of the descriptor that was just taken."""
        _, descriptor, client, answer, stamps = held
        record = self._find_record(descriptor, client.space)
        assert record is not None, "it was found for the descriptor that has it now"
        self._injector.count(Kind.DUPLICATE)
        write_answer(record, answer, stamps)
        if descriptor.flags_opcode & RCI:
            self._counters.interrupts += client.interrupt(descriptor.int_handle)


class FaultyPump(healthy.Pump):
    """A pump that brings late answers in time, and tells its engine of queues."""

    def __init__(
        self,
        config: healthy.DeviceConfig,
        control: healthy.Control,
        words: memoryview,
        eventfd: int,
    ) -> None:
        self._injector = Injector(config.device, words[INJECTED], config.incarnation)
        super().__init__(config, control, words, eventfd)

    def _make_engine(self) -> Engine:
        self._faulty = FaultyEngine(
            make_codec(self._config.compressor),
            self._config.device.max_transfer_size,
            self._clock,
            self._counters,
            self._injector,
        )
        return self._faulty

    def _serve(self) -> int:
        self._faulty.write_late(self._clock.now_ns())
        served = 0
        for burst in self._arbiter.take():
            self._faulty.begin(burst.wq)
            self._faulty.run(burst.descriptors, burst.source.client)
            served += burst.nr_descriptors
        return served

    def _idle_timeout_ns(self) -> int:
        left_ns = self._faulty.next_due_ns() - self._clock.now_ns()
        return int(max(0, min(left_ns, super()._idle_timeout_ns())))

    def _drain(self) -> None:
        super()._drain()
        self._faulty.write_late(math.inf)
        self._publish()


def op_of(descriptor: Descriptor) -> Op | None:
    """Give what a descriptor asks for; None: nothing that is done to data."""
    opcode = unpack_flags_opcode(descriptor.flags_opcode)[1]
    if opcode == Opcode.COMPRESS:
        return Op.COMPRESS
    if opcode != Opcode.DECOMPRESS:
        return None
    suppressed = descriptor.compr_flags & SUPPRESS_OUTPUT
    return Op.VERIFY if suppressed else Op.DECOMPRESS


def output_of(descriptor: Descriptor, client: Client, answer: Answer) -> memoryview:
    """Give what was written; nothing where nothing was."""
    output = client.space.resolve(descriptor.dst_addr, answer.output_size)
    return memoryview(bytearray()) if output is None else output


def main(control: healthy.Control, config: bytes, fds: Sequence[int]) -> None:
    """Be a device that has faults; *fds* are the board and the doorbell's eventfd."""
    healthy.main(control, config, fds, FaultyPump)
