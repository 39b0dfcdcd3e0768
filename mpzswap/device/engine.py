"""
The engine: runs checked descriptors through the codec and writes the answers.

A descriptor was copied out of its lane before it comes here, so that its owner
cannot change it between the check and the use; its input is copied for the same
reason.  Every address is resolved in the submitter's own address space: what does not
lie wholly in one of its segments is a page fault, and nothing is read or written there.

As in hardware nothing keeps a completion record from lying in the input, in the
output or in a lane: all of that is the submitter's own.  The record comes after the
output, so it can be believed once its status is that of an answer to come; whoever has
it in the output may see bytes of that before, and loses those under the record.

    plain burst -> by columns, see ``plain`` and ``columns``
    any other   -> one by one:

    run -> body of the record -> its status -> interrupt, where one is asked for

Each answer raises its own interrupt, be it an error or not, as hardware does; where
there is nowhere to answer, there is none.  It comes last, so that whoever is woken
sees the answer; why, is in ``mpzswap.ring.ordering``, 4.
"""

from typing import NamedTuple

from isal import isal_zlib

from mpzswap.clock.work import Clock
from mpzswap.codec.contract import Codec
from mpzswap.completion.record import RECORD_BYTES, write_record
from mpzswap.completion.status import ErrorCode, Status
from mpzswap.device.check import (
    CRAV,
    NO_DATA,
    RCI,
    Descriptor,
    Refusal,
    find_refusal,
)
from mpzswap.device.client import Client
from mpzswap.device.columns import ColumnRunner
from mpzswap.device.counters import DeviceCounters
from mpzswap.device.plain import Plain, recognise, stretches
from mpzswap.errors import CorruptStreamError, OutputOverflowError
from mpzswap.ring.descriptor import (
    DESCRIPTOR_STRUCT,
    DecomprFlag,
    Opcode,
    unpack_flags_opcode,
)
from mpzswap.ring.memory import AddressSpace

# A plain integer, for speed: see ``mpzswap.device.check``.
SUPPRESS_OUTPUT = int(DecomprFlag.SUPPRESS_OUTPUT)


class Answer(NamedTuple):
    """What goes into the completion record, time stamps apart."""

    status: int
    error_code: int = 0
    bytes_completed: int = 0
    fault_addr: int = 0
    invalid_flags: int = 0
    output_size: int = 0
    crc: int = 0


class Engine:
    """
    Runs descriptors for one device.

    Args:
        codec: the algorithm that the device has.
        max_transfer_size: the longest input or output, bytes.
        clock: whose time the stamps are.
        counters: of the device; the engine counts what it does.
    """

    def __init__(
        self,
        codec: Codec,
        max_transfer_size: int,
        clock: Clock,
        counters: DeviceCounters,
    ) -> None:
        self._codec = codec
        self._max_transfer_size = max_transfer_size
        self._clock = clock
        self._counters = counters
        self._columns = ColumnRunner(clock, counters)

    def run(self, burst: bytes, client: Client) -> None:
        """Run every descriptor of *burst*, and answer each; in order, if it matters."""
        for part in stretches(burst):
            plain = self._recognise(part, client)
            if plain is None or not self._columns.run(plain, self._codec, client):
                self._run_each(part, client)

    def _recognise(self, burst: bytes, client: Client) -> Plain | None:
        """Give the columns of a burst that is plain."""
        return recognise(burst, client, self._max_transfer_size)

    def _run_each(self, burst: bytes, client: Client) -> None:
        """Run one descriptor after the other."""
        now_ns = self._clock.now_ns
        counters = self._counters
        for fields in DESCRIPTOR_STRUCT.iter_unpack(burst):
            taken_ns = now_ns()
            descriptor = Descriptor._make(fields)
            record = self._find_record(descriptor, client.space)
            if record is None:
                counters.unreported += 1
                continue
            answer = self._answer(descriptor, client)
            completed_ns = now_ns()
            self._report(record, (descriptor, client), answer, (taken_ns, completed_ns))
            counters.busy_ns += completed_ns - taken_ns

    @staticmethod
    def _find_record(descriptor: Descriptor, space: AddressSpace) -> memoryview | None:
        if not descriptor.flags_opcode & CRAV:
            return None
        if descriptor.completion_addr % RECORD_BYTES:
            return None
        return space.resolve(descriptor.completion_addr, RECORD_BYTES)

    def _answer(self, descriptor: Descriptor, client: Client) -> Answer:
        refusal = find_refusal(descriptor, client, self._max_transfer_size)
        if refusal is not None:
            return _refused(refusal)
        opcode = unpack_flags_opcode(descriptor.flags_opcode)[1]
        if opcode in NO_DATA:
            return Answer(Status.SUCCESS)  # DRAIN too: lanes are run in order.
        source = client.space.resolve(descriptor.src1_addr, descriptor.src1_size)
        if source is None:
            return _fault(descriptor.src1_addr)
        target = client.space.resolve(descriptor.dst_addr, descriptor.max_dst_size)
        if target is None:
            return _fault(descriptor.dst_addr)
        run = self._compress if opcode == Opcode.COMPRESS else self._decompress
        # A copy: its owner cannot change it between two looks of a codec, such as at
        # the size that a frame claims and at the frame.
        return run(descriptor, (memoryview(bytes(source)), target))

    def _report(
        self,
        record: memoryview,
        asked: tuple[Descriptor, Client],
        answer: Answer,
        stamps: tuple[int, int],
    ) -> None:
        """Write the answer, raise the interrupt, count: the last step of each."""
        descriptor, client = asked
        counters = self._counters
        write_answer(record, answer, stamps)
        if descriptor.flags_opcode & RCI:
            counters.interrupts += client.interrupt(descriptor.int_handle)
        counters.descriptors += 1
        counters.errors += answer.status != Status.SUCCESS

    def _compress(
        self, descriptor: Descriptor, found: tuple[memoryview, memoryview]
    ) -> Answer:
        source, target = found
        output = self._codec.compress(source)
        size = len(output)
        self._counters.bytes_in += descriptor.src1_size
        if size > descriptor.max_dst_size:
            return Answer(Status.ANALYTICS_ERROR, ErrorCode.COMP_BUF_OVERFLOW)
        target[:size] = output
        self._counters.bytes_out += size
        return Answer(
            Status.SUCCESS,
            bytes_completed=descriptor.src1_size,
            output_size=size,
            crc=isal_zlib.crc32(source),
        )

    def _decompress(
        self, descriptor: Descriptor, found: tuple[memoryview, memoryview]
    ) -> Answer:
        source, target = found
        try:
            output = self._codec.decompress(source, descriptor.max_dst_size)
        except OutputOverflowError:
            return Answer(Status.OUTBUF_OVERFLOW)
        except CorruptStreamError:
            return Answer(Status.ANALYTICS_ERROR, ErrorCode.CORRUPT_STREAM)
        size = len(output)
        if not descriptor.compr_flags & SUPPRESS_OUTPUT:
            target[:size] = output
        self._counters.bytes_in += descriptor.src1_size
        self._counters.bytes_out += size
        return Answer(
            Status.SUCCESS,
            bytes_completed=descriptor.src1_size,
            output_size=size,
            crc=isal_zlib.crc32(output),
        )


def _refused(refusal: Refusal) -> Answer:
    return Answer(
        refusal.status,
        fault_addr=refusal.fault_addr,
        invalid_flags=refusal.invalid_flags,
    )


def _fault(device_address: int) -> Answer:
    return Answer(Status.PAGE_FAULT_IR, fault_addr=device_address)


def write_answer(record: memoryview, answer: Answer, stamps: tuple[int, int]) -> None:
    """Write the record of *answer*; *stamps*: when it was taken, and completed."""
    status, error_code, completed, fault_addr, invalid_flags, size, crc = answer
    write_record(
        record,
        status,
        # The rows of completion.record.FIELDS after the status.
        (
            *(error_code, 0, 0, completed, fault_addr, invalid_flags, 0),
            *(size, 0, 0, 0, crc, 0, 0, 0, *stamps),
        ),
    )
