"""
What the two IAA codecs write, block by block.

Looked at with an inflate of our own, slow and plain (RFC 1951), which notes each
block's type and the farthest distance.  Its result is held against the data, so
it cannot have misread them.
"""

import os
import random
import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mpzswap.codec.table import make_codec

STORED, FIXED, DYNAMIC = range(3)
WINDOW_BYTES = 4096
END_OF_BLOCK = 256
LENGTH_EXTRA = [0] * 8 + [bits for bits in range(1, 6) for _ in range(4)]
DISTANCE_EXTRA = [0, 0] + [bits for bits in range(14) for _ in range(2)]
LENGTH_BASE = [3 + sum(1 << bits for bits in LENGTH_EXTRA[:i]) for i in range(28)]
DISTANCE_BASE = [1 + sum(1 << bits for bits in DISTANCE_EXTRA[:i]) for i in range(30)]
HEADER_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
FIXED_LENGTHS = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8

Codes = dict[tuple[int, int], int]


def codes_of(lengths: list[int]) -> Codes:
    """Give the symbol of each (length, code) of the canonical Huffman code."""
    codes, code = {}, 0
    for length in range(1, 16):
        code <<= 1
        for symbol in [s for s, its in enumerate(lengths) if its == length]:
            codes[length, code] = symbol
            code += 1
    return codes


@dataclass
class Inflate:
    """Reads a raw stream: ``data``, ``types`` of its blocks, ``farthest`` distance."""

    stream: bytes
    at: int = 0
    data: bytearray = field(default_factory=bytearray)
    types: list[int] = field(default_factory=list)
    farthest: int = 0

    def read(self) -> "Inflate":
        """Read all blocks; the stream must end with the last of them."""
        last = 0
        while not last:
            last = self.bits(1)
            self.types.append(self.bits(2))
            self.block(self.types[-1])
        assert (self.at + 7) // 8 == len(self.stream)
        return self

    def bits(self, count: int) -> int:
        """Take *count* bits, the lowest first."""
        value = 0
        for place in range(count):
            bit = self.stream[self.at >> 3] >> (self.at & 7) & 1
            value |= bit << place
            self.at += 1
        return value

    def symbol(self, codes: Codes) -> int:
        """Take one Huffman code."""
        code = length = 0
        while (length, code) not in codes:
            code, length = code << 1 | self.bits(1), length + 1
            assert length < 16
        return codes[length, code]

    def block(self, kind: int) -> None:
        """Read what follows a block's header."""
        if kind == STORED:
            self.at = (self.at + 7) // 8 * 8
            count, _ = self.bits(16), self.bits(16)
            self.data += bytes(self.bits(8) for _ in range(count))
        elif kind == FIXED:
            self.symbols(codes_of(FIXED_LENGTHS), codes_of([5] * 30))
        else:
            assert kind == DYNAMIC
            self.symbols(*self.tables())

    def tables(self) -> tuple[Codes, Codes]:
        """Read the two tables of a dynamic block."""
        literals, distances = self.bits(5) + 257, self.bits(5) + 1
        lengths = [0] * 19
        for place in HEADER_ORDER[: self.bits(4) + 4]:
            lengths[place] = self.bits(3)
        codes, both = codes_of(lengths), list[int]()
        while len(both) < literals + distances:
            symbol = self.symbol(codes)
            if symbol < 16:
                both.append(symbol)
            elif symbol == 16:
                both += both[-1:] * (3 + self.bits(2))
            else:
                both += [0] * (3 + self.bits(3) if symbol == 17 else 11 + self.bits(7))
        return codes_of(both[:literals]), codes_of(both[literals:])

    def symbols(self, literals: Codes, distances: Codes) -> None:
        """Read literals and matches up to the end of the block."""
        while (symbol := self.symbol(literals)) != END_OF_BLOCK:
            if symbol < END_OF_BLOCK:
                self.data.append(symbol)
                continue
            place = symbol - 257
            longest = place == 28
            length = 258 if longest else LENGTH_BASE[place]
            length += 0 if longest else self.bits(LENGTH_EXTRA[place])
            place = self.symbol(distances)
            distance = DISTANCE_BASE[place] + self.bits(DISTANCE_EXTRA[place])
            self.farthest = max(self.farthest, distance)
            for _ in range(length):
                self.data.append(self.data[-distance])


def sparse(count: int) -> bytes:
    """Give a page of zeros but for *count* bytes."""
    source, page = random.Random(count), bytearray(4096)
    for _ in range(count):
        page[source.randrange(4096)] = source.randrange(256)
    return bytes(page)


TEXT = Path(os.__file__).read_bytes()
RANDOM = random.Random(3)
DATA = {
    "empty": b"",
    "one byte": b"\xff",
    "two bytes": b"ab",
    "100 bytes": TEXT[:100],
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "text": TEXT[:4096],
    "numbers": b"".join(struct.pack("<Q", number) for number in range(512)),
    "floats": b"".join(struct.pack("<d", RANDOM.random()) for _ in range(512)),
    "random": RANDOM.randbytes(4096),
    "high bytes": bytes(RANDOM.choices(range(144, 256), k=4096)),
    "64 KiB of random": RANDOM.randbytes(65536),
    "text and random": TEXT[:30000] + RANDOM.randbytes(4096) + TEXT[:30000],
    "far repeats": RANDOM.randbytes(4000) * 4 + RANDOM.randbytes(5000) * 4,
}


@pytest.mark.parametrize("kind", DATA)
def test_deflate_iaa_writes_fixed_blocks_only(kind: str) -> None:
    """The device's fixed mode has no other block type, whatever the data."""
    stream = make_codec("deflate-iaa").compress(memoryview(DATA[kind]))

    seen = Inflate(stream).read()

    assert seen.data == DATA[kind]
    assert set(seen.types) == {FIXED}
    assert seen.farthest <= WINDOW_BYTES


@pytest.mark.parametrize("kind", DATA)
def test_deflate_iaa_dynamic_begins_with_a_dynamic_block(kind: str) -> None:
    """Also where a fixed or a stored block would be shorter."""
    stream = make_codec("deflate-iaa-dynamic").compress(memoryview(DATA[kind]))

    seen = Inflate(stream).read()

    assert seen.data == DATA[kind]
    assert seen.types[0] == DYNAMIC
    assert seen.farthest <= WINDOW_BYTES


@pytest.mark.parametrize("name", ["deflate-iaa", "deflate-iaa-dynamic"])
def test_each_page_keeps_to_the_block_type(name: str) -> None:
    """The first byte of a stream tells the mode, for pages hardly filled as well."""
    codec = make_codec(name)
    kind = FIXED if name == "deflate-iaa" else DYNAMIC
    pages = [TEXT[at : at + 4096] for at in range(0, len(TEXT), 256)]
    pages += [TEXT[: count * 7] for count in range(200)]
    pages += [sparse(count) for count in range(200)]

    types = {codec.compress(memoryview(page))[0] >> 1 & 3 for page in pages}

    assert types == {kind}
