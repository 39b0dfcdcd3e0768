"""
The oracle: what a device has to do with a descriptor, by the rules and not by its code.

    verdicts    each descriptor's status as far as its fields tell, column by column
    foretell    one after the other: the output, the record, byte by byte

It shares the codecs with the device, and nothing of ``mpzswap.device``.
"""

from dataclasses import dataclass, field

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from mpzswap.codec.contract import Codec
from mpzswap.completion.record import RECORD_BYTES, RECORD_STRUCT
from mpzswap.completion.status import ErrorCode, Status
from mpzswap.errors import CorruptStreamError, OutputOverflowError
from mpzswap.ring.descriptor import (
    FLAGS_BITS,
    FLAGS_MASK,
    PASID_MASK,
    ComprFlag,
    DecomprFlag,
    Flag,
    Opcode,
)
from mpzswap.ring.memory import OFFSET_BITS, OFFSET_MASK, split
from tools.fuzz.memory import LANE, Batch, Memory, Party

# Beside statuses: there is nowhere to answer; the fields are right, so it is run.
UNREPORTED = -1
RUN = -2

FLAGS = int(Flag.FENCE | Flag.BLOCK_ON_FAULT | Flag.CRAV | Flag.RCR | Flag.RCI) | int(
    Flag.CACHE_CONTROL
)
COMPRESS_FLAGS = int(ComprFlag.FLUSH_OUTPUT | ComprFlag.APPEND_EOB)
DECOMPRESS_FLAGS = sum(DecomprFlag)
CRAV, RCI = int(Flag.CRAV), int(Flag.RCI)
COMPRESS, DECOMPRESS = int(Opcode.COMPRESS), int(Opcode.DECOMPRESS)
RESERVED = ("src2_addr", "src2_size", "filter_flags", "num_inputs")

# isal's levels 1 and 2 write one of several right streams, and keep to it for as long
# as a process lives: seen in one process of twenty for some of a thousand inputs, with
# 1.9.1.  Their sizes were up to 5 bytes apart.
VARYING = ("deflate", "deflate-iaa-dynamic")
VARYING_BYTES = 64

# Of a record, what is foretold (0) and what is not (1): its time stamps, and what is
# as long as a stream that varies.
STAMPED = bytes(48) + b"\1" * 16
SIZED = bytes(24) + b"\1" * 4 + STAMPED[28:]
OPEN_RECORD = b"\1" * RECORD_BYTES

Column = NDArray[np.uint64]
Mask = NDArray[np.bool_]
Verdicts = NDArray[np.int16]


def verdicts(batch: Batch, party: Party, max_transfer: int) -> Verdicts:
    """Give the status of each descriptor of *party*, UNREPORTED or RUN."""
    c = columns(batch)
    flags, opcode = c["flags_opcode"] & FLAGS_MASK, c["flags_opcode"] >> FLAGS_BITS
    nowhere = (flags & CRAV == 0) | (c["completion_addr"] % RECORD_BYTES != 0)
    nowhere |= ~inside(party, c["completion_addr"], RECORD_BYTES)
    asked, handle = flags & RCI != 0, c["int_handle"]
    compress, decompress = opcode == COMPRESS, opcode == DECOMPRESS
    unknown = unknown_operation_flags(c)
    sizes = np.stack([c["src1_size"], c["max_dst_size"]])
    cases: list[tuple[Mask, int]] = [
        (nowhere, UNREPORTED),
        (c["pasid_priv"] != party.pasid & PASID_MASK, Status.PRIV_BAD),
        (flags & ~np.uint64(FLAGS) != 0, Status.INVALID_FLAGS),
        (np.where(asked, handle != party.handle, handle != 0), Status.INT_HANDLE_INVAL),
        ((opcode == int(Opcode.NOOP)) | (opcode == int(Opcode.DRAIN)), Status.SUCCESS),
        (~(compress | decompress), Status.BAD_OPCODE),
        (unknown != 0, Status.INVALID_COMP_FLAG),
        (np.any([c[name] != 0 for name in RESERVED], axis=0), Status.NOZERO_RESERVE),
        (((sizes == 0) | (sizes > max_transfer)).any(axis=0), Status.INVALID_SIZE),
        (overlap(c), Status.OVERLAP_BUFFERS),
        (~inside(party, c["src1_addr"], c["src1_size"]), Status.PAGE_FAULT_IR),
        (~inside(party, c["dst_addr"], c["max_dst_size"]), Status.PAGE_FAULT_IR),
    ]
    conditions, results = zip(*cases, strict=True)
    found: Verdicts = np.select(conditions, results, RUN).astype(np.int16)
    return found


def columns(batch: Batch) -> dict[str, Column]:
    """Give the fields of all descriptors, wide enough for any arithmetic but sums."""
    assert batch.dtype.names is not None
    return {name: batch[name].astype(np.uint64) for name in batch.dtype.names}


def unknown_operation_flags(c: dict[str, Column]) -> Column:
    """Give the flags that the operation, taken for one of two, does not have."""
    compress = c["flags_opcode"] >> FLAGS_BITS == COMPRESS
    known = np.where(compress, COMPRESS_FLAGS, DECOMPRESS_FLAGS).astype(np.uint64)
    return c["compr_flags"] & ~known


def inside(party: Party, addresses: Column, sizes: Column | int) -> Mask:
    """Tell which ranges lie wholly in one of the segments of *party*."""
    number, offset = addresses >> OFFSET_BITS, addresses & OFFSET_MASK
    found = np.zeros(len(addresses), np.bool_)
    for memory in party.memories:
        found |= (number == memory.number) & (offset + sizes <= len(memory))
    return found


def overlap(c: dict[str, Column]) -> Mask:
    """Tell where input and output have a byte in common; no sum can wrap."""
    source, target = c["src1_addr"], c["dst_addr"]
    after, before = target - source, source - target
    found: Mask = np.where(
        target >= source, after < c["src1_size"], before < c["max_dst_size"]
    )
    return found


def touches_lane(batch: Batch, party: Party, verdict: Verdicts) -> Mask:
    """Tell which would write into the lane itself: they can change what comes next."""
    c = columns(batch)
    found = in_lane(party, c["completion_addr"], RECORD_BYTES)
    found |= (verdict == RUN) & in_lane(party, c["dst_addr"], c["max_dst_size"])
    found &= verdict != UNREPORTED
    return found


def in_lane(party: Party, addresses: Column, sizes: Column | int) -> Mask:
    """Tell which ranges have a byte in common with the lane."""
    number, offset = addresses >> OFFSET_BITS, addresses & OFFSET_MASK
    found: Mask = (number == party.lanes.number) & (offset < LANE.stop)
    return found & (offset + sizes > LANE.start)


@dataclass
class Foretold:
    """What a batch must come to."""

    # How many had each status; UNREPORTED too.
    statuses: dict[int, int] = field(default_factory=dict)
    interrupts: int = 0
    # Answered, but made from time stamps: nobody can say with which status.
    unforeseen: int = 0

    def add(self, status: int) -> None:
        """Count one."""
        self.statuses[status] = self.statuses.get(status, 0) + 1


class Oracle:
    """
    Foretells what descriptors of *party* do, in its shadows.

    Args:
        party: whose they are.
        codec: the device's algorithm, an object of its own.
    """

    def __init__(self, party: Party, codec: Codec) -> None:
        self._party = party
        self._codec = codec
        self._varies = codec.name in VARYING
        self._memories = {memory.number: memory for memory in party.memories}

    def foretell(self, batch: Batch, verdict: Verdicts) -> Foretold:
        """Do them one after the other."""
        foretold = Foretold()
        rows = zip(batch.tolist(), verdict.tolist(), strict=True)
        unknown = unknown_operation_flags(columns(batch)).tolist()
        for (descriptor, status), operation_flags in zip(rows, unknown, strict=True):
            if status == UNREPORTED:
                foretold.add(UNREPORTED)
                continue
            self._answer(descriptor, status, operation_flags, foretold)
            asked = descriptor[1] & RCI
            foretold.interrupts += bool(asked) and descriptor[6] == self._party.handle
        return foretold

    def _answer(
        self,
        descriptor: tuple[int, ...],
        status: int,
        operation_flags: int,
        foretold: Foretold,
    ) -> None:
        """Do one that has somewhere to answer."""
        error = completed = size = crc = fault = invalid = 0
        if status == RUN:
            ran = self._run(descriptor)
            if ran is None:
                foretold.unforeseen += 1
                memory, at = self._find(descriptor[2])
                memory.open[at : at + RECORD_BYTES] = OPEN_RECORD
                return
            status, error, completed, size, crc = ran
        elif status == Status.PAGE_FAULT_IR:
            source, source_bytes = descriptor[3], descriptor[5]
            there = self._is_inside(source, source_bytes)
            fault = descriptor[4] if there else source
        elif status == Status.INVALID_FLAGS:
            invalid = descriptor[1] & FLAGS_MASK & ~FLAGS
        elif status == Status.INVALID_COMP_FLAG:
            invalid = operation_flags
        foretold.add(status)
        record = (status, error, 0, 0, completed, fault, invalid, 0, size, 0, 0, 0, crc)
        memory, at = self._find(descriptor[2])
        RECORD_STRUCT.pack_into(memory.foretold, at, *record, 0, 0, 0, 0, 0)
        varies = self._varies and descriptor[1] >> FLAGS_BITS == COMPRESS and size
        memory.open[at : at + RECORD_BYTES] = SIZED if varies else STAMPED

    def _run(self, descriptor: tuple[int, ...]) -> tuple[int, ...] | None:
        """Give status, error code, bytes completed, size, CRC; None: unforeseen."""
        source_bytes, room = descriptor[5], descriptor[9]
        memory, at = self._find(descriptor[3])
        source = bytes(memory.foretold[at : at + source_bytes])
        target, to = self._find(descriptor[4])
        suppressed = self._is_suppressed(descriptor)
        if b"\1" in bytes(memory.open[at : at + source_bytes]):
            if not suppressed:
                target.open[to : to + room] = b"\1" * room
            return None
        if self._varies and descriptor[1] >> FLAGS_BITS == COMPRESS:
            return self._run_varying(source, (target, to), room)
        try:
            output, plain = self._work(descriptor[1] >> FLAGS_BITS, source, room)
        except OutputOverflowError:
            return Status.OUTBUF_OVERFLOW, 0, 0, 0, 0
        except CorruptStreamError:
            return Status.ANALYTICS_ERROR, ErrorCode.CORRUPT_STREAM, 0, 0, 0
        size = len(output)
        if size > room:
            return Status.ANALYTICS_ERROR, ErrorCode.COMP_BUF_OVERFLOW, 0, 0, 0
        if not suppressed:
            target.foretold[to : to + size] = output
            target.open[to : to + size] = bytes(size)
        return Status.SUCCESS, 0, source_bytes, size, isal_zlib.crc32(plain)

    def _run_varying(
        self, source: bytes, place: tuple[Memory, int], room: int
    ) -> tuple[int, ...] | None:
        """Do the same for a stream of which only the length is known, and not well."""
        target, to = place
        size = len(self._codec.compress(memoryview(source)))
        if size > room + VARYING_BYTES:
            return Status.ANALYTICS_ERROR, ErrorCode.COMP_BUF_OVERFLOW, 0, 0, 0
        most = min(room, size + VARYING_BYTES)
        target.open[to : to + most] = b"\1" * most
        if size > room - VARYING_BYTES:
            return None
        return Status.SUCCESS, 0, len(source), size, isal_zlib.crc32(source)

    def _work(self, opcode: int, source: bytes, room: int) -> tuple[bytes, bytes]:
        """Give the output, and the uncompressed side."""
        if opcode == COMPRESS:
            return self._codec.compress(memoryview(source)), source
        output = self._codec.decompress(memoryview(source), room)
        return output, output

    @staticmethod
    def _is_suppressed(descriptor: tuple[int, ...]) -> bool:
        decompress = descriptor[1] >> FLAGS_BITS == DECOMPRESS
        return decompress and bool(descriptor[7] & DecomprFlag.SUPPRESS_OUTPUT)

    def _find(self, device_address: int) -> tuple[Memory, int]:
        number, offset = split(device_address)
        return self._memories[number], offset

    def _is_inside(self, device_address: int, size: int) -> bool:
        number, offset = split(device_address)
        memory = self._memories.get(number)
        return memory is not None and offset + size <= len(memory)
