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
7 us, by columns 2.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise, repeat
from operator import add
from typing import NamedTuple

import numpy as np

from mpzswap.completion.record import RECORD_BYTES
from mpzswap.device.arbiter import BURST
from mpzswap.device.check import CRAV, RCI, Descriptor, find_refusal
from mpzswap.device.client import Client, Kind
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.descriptor import (
    COMPLETION,
    DESCRIPTOR_BYTES,
    DESCRIPTOR_STRUCT,
    SIZE,
    SOURCE,
    TARGET,
    WORDS,
    DecomprFlag,
    Flag,
    Opcode,
    Rows,
    side_by_side,
    unpack_flags_opcode,
)

# As many as are recognised together; the arbiter takes no more.
MOST = BURST
# The flags of a plain descriptor, RCI apart.
FLAGS = CRAV | int(Flag.RCR)
SUPPRESS_OUTPUT = int(DecomprFlag.SUPPRESS_OUTPUT)
COMPRESS = int(Opcode.COMPRESS)
OPCODES = (COMPRESS, int(Opcode.DECOMPRESS))

STEPS = side_by_side(MOST, RECORD_BYTES)
# The bits in which they must be as that has it: all but addresses and input's size.
ALL, UPPER_HALF = 0xFFFFFFFF_FFFFFFFF, 0xFFFFFFFF_00000000
FIXED = np.array((ALL, ALL, 0, 0, UPPER_HALF, ALL, ALL, ALL), "<u8")

# The bytes that descriptors of a kind have alike.
WORD_0, BEHIND_SIZE = slice(8), slice(8 * SIZE + 4, DESCRIPTOR_BYTES)
# Those of a client that are remembered: a driver has three, whoever sends more pays.
MAX_KINDS = 16


class Plain(NamedTuple):
    """A plain burst; each column has an entry a descriptor."""

    # As of ``Kind``.
    opcode: int
    writes: bool
    int_handle: int
    # Where each input begins in *source*, and its bytes; a range: pages side by side.
    inputs: Sequence[int]
    sizes: Sequence[int]
    # Where each output begins in *target*.
    outputs: Sequence[int]
    # From the first byte that is named to the last.
    source: memoryview
    target: memoryview
    records: memoryview


class Columns(NamedTuple):
    """What descriptors name, each an entry; addresses are a range side by side."""

    sources: Sequence[int]
    sizes: Sequence[int]
    targets: Sequence[int]


def stretches(burst: bytes) -> list[bytes]:
    """
    Cut a burst where its records do not go on side by side.

    A lane brings one run of a submitter after the other, and a burst ends anywhere.
    """
    records = memoryview(burst).cast("Q")[COMPLETION::WORDS]
    last = len(records) - 1
    if last < 1 or records[last] - records[0] == last * RECORD_BYTES:
        return [burst]
    numbers = records.tolist()
    cuts = [
        place * DESCRIPTOR_BYTES
        for place in range(1, len(numbers))
        if numbers[place] - numbers[place - 1] != RECORD_BYTES
    ]
    return [burst[a:b] for a, b in pairwise([0, *cuts, len(burst)])]


def recognise(burst: bytes, client: Client, max_transfer_size: int) -> Plain | None:
    """Give the columns of a burst; None if it is to be run one by one."""
    if not 0 < len(burst) <= MOST * DESCRIPTOR_BYTES:
        return None
    kind = _kind(burst, client, max_transfer_size)
    columns = _columns(burst) if kind is not None else None
    if kind is None or columns is None:
        return None
    least = PAGE_SIZE if kind.opcode == COMPRESS else 1
    if not (least <= min(columns.sizes) and max(columns.sizes) <= PAGE_SIZE):
        return None
    return _resolve(columns, kind, memoryview(burst).cast("Q")[COMPLETION], client)


def _kind(burst: bytes, client: Client, max_transfer_size: int) -> Kind | None:
    """Give what the first descriptor asks for, if it can be plain."""
    # Hot: once a burst.  A driver sends three kinds, so those without an interrupt,
    # which comes and goes, are checked once: 1 us instead of 20 where all is cold.
    alike = burst[WORD_0] + burst[BEHIND_SIZE]
    kind = client.kinds.get(alike)
    if kind is None:
        first = Descriptor._make(DESCRIPTOR_STRUCT.unpack_from(burst))
        flags, opcode = unpack_flags_opcode(first.flags_opcode)
        if flags & ~RCI != FLAGS or opcode not in OPCODES:
            return None
        if first.max_dst_size != PAGE_SIZE:
            return None
        if find_refusal(first, client, max_transfer_size) is not None:
            return None
        writes = not first.compr_flags & SUPPRESS_OUTPUT or opcode == COMPRESS
        kind = Kind(opcode, writes, first.int_handle)
        if not flags & RCI and len(client.kinds) < MAX_KINDS:
            client.kinds[alike] = kind
    return kind


def _columns(burst: bytes) -> Columns | None:
    """Give what a burst names, if its descriptors are alike apart from that."""
    rows: Rows = np.frombuffer(burst, "<u8").reshape(-1, WORDS)
    words = memoryview(burst).cast("Q")
    # What it is with all side by side, as it is nearly always: one comparison.
    expected = STEPS[: len(rows)] + rows[0]
    if expected.tobytes() == burst:
        sizes = [words[SIZE] & ~UPPER_HALF] * len(rows)
        return Columns(_pages(words, SOURCE), sizes, _pages(words, TARGET))
    unlike = rows ^ expected
    if np.count_nonzero(unlike & FIXED):
        return None
    sizes = memoryview(burst).cast("I")[2 * SIZE :: 2 * WORDS].tolist()
    sources, targets = (
        words[word::WORDS].tolist()
        if np.count_nonzero(unlike[:, word])
        else _pages(words, word)
        for word in (SOURCE, TARGET)
    )
    return Columns(sources, sizes, targets)


def _pages(words: memoryview, word: int) -> range:
    """Give addresses of pages side by side, from that of the first descriptor on."""
    start = words[word]
    return range(start, start + len(words) // WORDS * PAGE_SIZE, PAGE_SIZE)


def _resolve(
    columns: Columns, kind: Kind, completion: int, client: Client
) -> Plain | None:
    """Find what is named; None if it does not lie apart, or not in the space."""
    sources, sizes, targets = columns
    extents = (
        _extent(sources, sizes),
        _extent(targets, repeat(PAGE_SIZE)),
        (completion, completion + RECORD_BYTES * len(sizes)),
    )
    if completion % RECORD_BYTES or not _apart(extents):
        return None
    source, target, records = (client.space.resolve(a, b - a) for a, b in extents)
    if source is None or target is None or records is None:
        return None
    inputs = _offsets(sources, extents[0][0])
    outputs = _offsets(targets, extents[1][0])
    return Plain(*kind, inputs, sizes, outputs, source, target, records)


def _extent(addresses: Sequence[int], sizes: Iterable[int]) -> tuple[int, int]:
    """Give the first byte that is named, and the end; of a range, of its pages."""
    if isinstance(addresses, range):
        return addresses.start, addresses.stop
    return min(addresses), max(map(add, addresses, sizes))


def _offsets(addresses: Sequence[int], base: int) -> Sequence[int]:
    """Give how far behind *base* each address is."""
    if isinstance(addresses, range):
        return range(addresses.start - base, addresses.stop - base, PAGE_SIZE)
    return [address - base for address in addresses]


def _apart(extents: Sequence[tuple[int, int]]) -> bool:
    """Tell whether none of three overlaps another."""
    a, b, c = sorted(extents)
    return a[1] <= b[0] and b[1] <= c[0]
