"""
Mutants: good descriptors with some fields made up, and wholly random ones.

    good -> up to MAX_FIELDS fields replaced: any bits | one bit flipped
                                              | 0, 2**k, 2**k - 1, the largest
                                              | what is worth trying in that field
         -> a few of them arranged: buffers that overlap, records in buffers
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mpzswap.completion.record import RECORD_BYTES
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.descriptor import (
    DESCRIPTOR,
    FIELDS,
    FLAGS_BITS,
    ComprFlag,
    DecomprFlag,
    Flag,
    Opcode,
    pack_flags_opcode,
)
from mpzswap.ring.memory import BOARD_SEGMENT, OFFSET_BITS, address
from tools.fuzz.memory import (
    CAPACITY,
    LANE,
    OUTPUT_PAGES,
    OUTPUTS,
    RECORDS,
    SOURCE_PAGES,
    SOURCES,
    Batch,
    Party,
)

MAX_FIELDS = 4
# How many fields are replaced; most mutants are wrong in one thing alone.
NR_FIELDS = np.array([0, 0, 1, 1, 1, 1, 2, 2, 3, MAX_FIELDS])
# One in so many is arranged in each of the ways, or is random from end to end.
ONE_IN = 64

GOOD_FLAGS = int(Flag.CRAV | Flag.RCR)
COMPRESS_WORD = pack_flags_opcode(GOOD_FLAGS, Opcode.COMPRESS)
DECOMPRESS_WORD = pack_flags_opcode(GOOD_FLAGS, Opcode.DECOMPRESS)
COMPRESS_FLAGS = int(ComprFlag.FLUSH_OUTPUT | ComprFlag.APPEND_EOB)
DECOMPRESS_FLAGS = int(DecomprFlag.ENABLE_DECOMP | DecomprFlag.STOP_ON_EOB)

WIDTHS = {"<u2": 16, "<u4": 32, "<u8": 64}
BITS = {field.name: WIDTHS[field.type] for field in FIELDS}
NAMES = tuple(BITS)
# Of these any value but 0 has the same answer; the others are chosen more often.
RESERVED = ("src2_addr", "src2_size", "filter_flags", "num_inputs")
WEIGHTS = np.array([1 if name in RESERVED else 4 for name in NAMES])

# No one's: a segment that was never made.
NO_SEGMENT = 77
LAST_SEGMENT = (1 << 64 - OFFSET_BITS) - 1
STEPS = (0, 1, 63, 64, 65, PAGE_SIZE)

Column = NDArray[np.uint64]


def good(rng: Generator, count: int, party: Party, *, compress: bool = False) -> Batch:
    """Give *count* descriptors that a device runs; each answers in its own record."""
    batch = np.zeros(count, DESCRIPTOR)
    packs = np.ones(count, bool) if compress else rng.random(count) < 0.5  # noqa: PLR2004 - a half
    half = SOURCE_PAGES // 2
    source = rng.integers(0, half, count) + np.where(packs, 0, half)
    lengths = np.array([PAGE_SIZE] * half + list(party.stream_bytes))
    output = rng.integers(0, OUTPUT_PAGES, count)
    records = RECORDS.start + np.arange(count) % CAPACITY * RECORD_BYTES
    batch["pasid_priv"] = party.pasid
    batch["flags_opcode"] = np.where(packs, COMPRESS_WORD, DECOMPRESS_WORD)
    batch["completion_addr"] = party.at(0) + records
    batch["src1_addr"] = party.at(SOURCES.start) + source * PAGE_SIZE
    batch["dst_addr"] = party.at(OUTPUTS.start) + output * PAGE_SIZE
    batch["src1_size"] = lengths[source]
    batch["compr_flags"] = np.where(packs, COMPRESS_FLAGS, DECOMPRESS_FLAGS)
    batch["max_dst_size"] = PAGE_SIZE
    return batch


class Mutants:
    """
    Makes hostile descriptors.

    Args:
        party: whose they are.
        other: a submitter with memory and an interrupt of its own.
        max_transfer: what the device takes, bytes.
    """

    def __init__(self, party: Party, other: Party, max_transfer: int) -> None:
        self._party = party
        self._boundaries = {bits: boundaries(bits) for bits in set(BITS.values())}
        addresses = interesting_addresses(party, other)
        sizes = interesting_sizes(max_transfer)
        pasid, handle = party.pasid, party.handle
        pools = {
            "pasid_priv": [pasid, other.pasid, 0, pasid | 1 << 31, pasid | 1 << 20],
            "flags_opcode": interesting_words(),
            "int_handle": [0, handle, other.handle, 0xFFFF],
            "compr_flags": [1 << bit for bit in range(16)],
            **dict.fromkeys(["src1_size", "max_dst_size", "src2_size"], sizes),
            **dict.fromkeys(["completion_addr", "src1_addr"], addresses),
            **dict.fromkeys(["dst_addr", "src2_addr"], addresses),
        }
        self._pools = {name: np.array(p, np.uint64) for name, p in pools.items()}

    def make(self, rng: Generator, count: int) -> Batch:
        """Give *count* of them."""
        batch = good(rng, count, self._party)
        wanted = rng.choice(NR_FIELDS, count)
        for turn in range(MAX_FIELDS):
            chosen = rng.choice(len(NAMES), count, p=WEIGHTS / WEIGHTS.sum())
            for index, name in enumerate(NAMES):
                rows = np.flatnonzero((chosen == index) & (turn < wanted))
                batch[name][rows] = self._values(rng, name, batch[name][rows])
        self._arrange(rng, batch)
        return batch

    def _values(self, rng: Generator, name: str, old: NDArray[np.uint64]) -> Column:
        """Give a new value for each of *old*, of the field *name*."""
        bits, count = BITS[name], len(old)
        table = self._boundaries[bits]
        pool = self._pools.get(name, table)
        any_bits = rng.integers(0, 1 << bits, count, np.uint64, endpoint=False)
        if bits == 64:  # noqa: PLR2004 - numpy has no 65 bits for the end
            any_bits = np.frombuffer(rng.bytes(8 * count), np.uint64)
        flips = np.uint64(1) << rng.integers(0, bits, count, np.uint64)
        kinds = np.stack(
            [
                any_bits,
                old.astype(np.uint64) ^ flips,
                table[rng.integers(0, len(table), count)],
                pool[rng.integers(0, len(pool), count)],
                pool[rng.integers(0, len(pool), count)],
            ]
        )
        found: Column = kinds[rng.integers(0, len(kinds), count), np.arange(count)]
        return found

    def _arrange(self, rng: Generator, batch: Batch) -> None:
        """Make some of what single fields seldom come to."""
        near = rng.integers(-PAGE_SIZE, PAGE_SIZE, len(batch), endpoint=True)
        inside = rng.integers(0, PAGE_SIZE // RECORD_BYTES, len(batch)) * RECORD_BYTES
        rows = some(rng, batch)
        # As u64 it wraps, as an address does.
        batch["dst_addr"][rows] = batch["src1_addr"][rows] + near[rows].astype(
            np.uint64
        )
        for buffer in ("src1_addr", "dst_addr"):
            rows = some(rng, batch)
            batch["completion_addr"][rows] = batch[buffer][rows] + inside[rows].astype(
                np.uint64
            )
        rows = some(rng, batch)
        batch["flags_opcode"][rows] |= int(Flag.RCI)
        batch["int_handle"][rows] = self._party.handle
        rows = some(rng, batch)
        noise = np.frombuffer(rng.bytes(len(rows) * DESCRIPTOR.itemsize), DESCRIPTOR)
        batch[rows] = noise


def some(rng: Generator, batch: Batch) -> NDArray[np.intp]:
    """Choose a few of a batch."""
    return np.flatnonzero(rng.integers(0, ONE_IN, len(batch)) == 0)


def boundaries(bits: int) -> Column:
    """Give 0, each power of two, each one less, and the largest of so many bits."""
    powers = [1 << bit for bit in range(bits)]
    values = {0, (1 << bits) - 1, *powers, *(power - 1 for power in powers)}
    return np.array(sorted(values), np.uint64)


def interesting_sizes(max_transfer: int) -> list[int]:
    """Give sizes around those that mean something."""
    edges = (1, RECORD_BYTES, PAGE_SIZE, 2 * PAGE_SIZE, max_transfer)
    around = {edge + step for edge in edges for step in (-1, 0, 1)}
    return [*sorted(around), 1 << 31, (1 << 32) - 1]


def interesting_words() -> list[int]:
    """Give every opcode, every flag beside the good ones, and none of those."""
    words = [pack_flags_opcode(GOOD_FLAGS, opcode) for opcode in range(256)]
    for good_word in (COMPRESS_WORD, DECOMPRESS_WORD):
        words += [good_word ^ 1 << bit for bit in range(FLAGS_BITS)] * 4
        words += [good_word | int(Flag.RCI)] * 16
    return words


def interesting_addresses(party: Party, other: Party) -> list[int]:
    """Give the ends of all that there is, from both sides, and what is nobody's."""
    found = [0, (1 << 64) - 1, address(LAST_SEGMENT, 0)]
    places = [LANE.start, LANE.start + RECORD_BYTES, LANE.stop]
    for region in (RECORDS, SOURCES, OUTPUTS):
        places += [region.start, region.stop]
    numbers = [BOARD_SEGMENT, NO_SEGMENT]
    for memory in (*party.memories, *other.memories):
        numbers.append(memory.number)
        edge = address(memory.number, len(memory))
        found += [edge + sign * step for step in STEPS for sign in (1, -1)]
        # Such that good sizes end at the end, or just behind it.
        found += [edge - PAGE_SIZE + step for step in (-1, 0, 1)]
    for number in numbers:
        for place in places:
            found += [address(number, place) + step for step in STEPS]
            found += [address(number, place) - step for step in STEPS if step]
    return found
