"""
Plain bursts: what a driver sends nearly always, to be run by columns.

A burst is plain if its descriptors differ in nothing but the addresses that they
name, and the sizes of their inputs; if their records lie side by side; and if inputs,
outputs and records lie apart from each other, so that their order is nobody's concern.

    burst    word 0 | 1        | 2      | 3      | 4              | 5, 6, 7
             the    | a record | any    | any    | input's size:  | the
             same   | further  |        |        | any; the same  | same

Then the first one is checked as any descriptor is, and the others' addresses and
sizes by their least and greatest.  All others are run one by one, with the same result:
``tests/property/test_plain_bursts.py``.

Measured in bulk on two cores, beside the codec's work: one by one a descriptor costs
7 us, by columns 2 to 3.
"""

from collections.abc import Sequence
from itertools import pairwise
from operator import add
from typing import NamedTuple

from mpzswap.completion.record import RECORD_BYTES
from mpzswap.device.arbiter import BURST
from mpzswap.device.check import CRAV, RCI, Descriptor, find_refusal
from mpzswap.device.client import Client
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.descriptor import (
    DESCRIPTOR_BYTES,
    DESCRIPTOR_STRUCT,
    DecomprFlag,
    Flag,
    Opcode,
    unpack_flags_opcode,
)
from mpzswap.ring.memory import AddressSpace

# As many as are recognised together; the arbiter takes no more.
MOST = BURST
# The flags of a plain descriptor, RCI apart.
FLAGS = CRAV | int(Flag.RCR)
SUPPRESS_OUTPUT = int(DecomprFlag.SUPPRESS_OUTPUT)
COMPRESS = int(Opcode.COMPRESS)
OPCODES = (COMPRESS, int(Opcode.DECOMPRESS))
# Where what may differ stands, bytes: both addresses, and the input's size.
MAY_DIFFER = slice(16, 36)


def _repeated(number: int, count: int) -> int:
    """Give a descriptor's bytes, as a number, *count* times."""
    return sum(number << 8 * DESCRIPTOR_BYTES * i for i in range(count))


def _mask() -> int:
    mask = bytearray(b"\xff" * DESCRIPTOR_BYTES)
    mask[MAY_DIFFER] = bytes(MAY_DIFFER.stop - MAY_DIFFER.start)
    return int.from_bytes(mask, "little")


# A burst as one number, so that one comparison does for all of it: 2 us for 32, where
# a column takes 1 us, and five of them would be needed.
MASK = _mask()
MASKS = [_repeated(MASK, count) for count in range(MOST + 1)]
ONES = [_repeated(1, count) for count in range(MOST + 1)]
# The record of each is that of the one before it and one further.
STEPS = [
    sum(i * RECORD_BYTES << 8 * (DESCRIPTOR_BYTES * i + 8) for i in range(count))
    for count in range(MOST + 1)
]


class Plain(NamedTuple):
    """A plain burst; each column has an entry a descriptor."""

    opcode: int
    # Whether output is written; of a compression it always is.
    writes: bool
    # The interrupt that each raises; 0: none.
    int_handle: int
    # Where each input begins in *source*, and its bytes.
    inputs: Sequence[int]
    sizes: Sequence[int]
    # Where each output begins in *target*.
    outputs: Sequence[int]
    # From the first byte that is named to the last.
    source: memoryview
    target: memoryview
    records: memoryview


def stretches(burst: bytes) -> list[bytes]:
    """
    Cut a burst where its records do not go on side by side.

    A lane brings one run of a submitter after the other, and a burst ends anywhere.
    """
    records = memoryview(burst).cast("Q")[1::8].tolist()
    last = len(records) - 1
    if last < 1 or records[last] - records[0] == last * RECORD_BYTES:
        return [burst]
    cuts = [
        place * DESCRIPTOR_BYTES
        for place in range(1, len(records))
        if records[place] - records[place - 1] != RECORD_BYTES
    ]
    return [burst[a:b] for a, b in pairwise([0, *cuts, len(burst)])]


def recognise(burst: bytes, client: Client, max_transfer_size: int) -> Plain | None:
    """Give the columns of a burst; None if it is to be run one by one."""
    count = len(burst) // DESCRIPTOR_BYTES
    if not 0 < count <= MOST:
        return None
    first = Descriptor._make(DESCRIPTOR_STRUCT.unpack_from(burst))
    flags, opcode = unpack_flags_opcode(first.flags_opcode)
    if flags & ~RCI != FLAGS or opcode not in OPCODES:
        return None
    if first.max_dst_size != PAGE_SIZE or not _alike(burst, count):
        return None
    if find_refusal(first, client, max_transfer_size) is not None:
        return None
    return _columns(burst, first, client.space)


def _alike(burst: bytes, count: int) -> bool:
    """Tell whether all are as the first, but for what may differ."""
    number = int.from_bytes(burst, "little")
    first = number & MASK
    return number & MASKS[count] == first * ONES[count] + STEPS[count]


def _columns(burst: bytes, first: Descriptor, space: AddressSpace) -> Plain | None:
    words = memoryview(burst).cast("Q")
    sources, targets = words[2::8].tolist(), words[3::8].tolist()
    sizes = memoryview(burst).cast("I")[8::16].tolist()
    opcode = unpack_flags_opcode(first.flags_opcode)[1]
    least, most = min(sizes), max(sizes)
    if not (least > 0 and most <= PAGE_SIZE):
        return None
    if opcode == COMPRESS and least != PAGE_SIZE:
        return None
    extents = (
        (min(sources), max(map(add, sources, sizes))),
        (min(targets), max(targets) + PAGE_SIZE),
        (first.completion_addr, first.completion_addr + RECORD_BYTES * len(sizes)),
    )
    if first.completion_addr % RECORD_BYTES or not _apart(extents):
        return None
    source, target, records = (space.resolve(a, b - a) for a, b in extents)
    if source is None or target is None or records is None:
        return None
    return Plain(
        opcode,
        not first.compr_flags & SUPPRESS_OUTPUT or opcode == COMPRESS,
        first.int_handle,
        [address - extents[0][0] for address in sources],
        sizes,
        [address - extents[1][0] for address in targets],
        source,
        target,
        records,
    )


def _apart(extents: Sequence[tuple[int, int]]) -> bool:
    """Tell whether none of three overlaps another."""
    a, b, c = sorted(extents)
    return a[1] <= b[0] and b[1] <= c[0]
