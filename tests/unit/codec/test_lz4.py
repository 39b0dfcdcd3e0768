"""LZ4 blocks of others, and blocks written by hand."""

import os
import random
from pathlib import Path

import lz4.block
import pytest

from mpzswap.codec.lz4 import Lz4, holds_more_than
from mpzswap.errors import CorruptStreamError, OutputOverflowError

TEXT = Path(os.__file__).read_bytes()[:4096]
# "abcd", 44 bytes from 4 before (15 + 25 + 4), and the 5 literals that must end it.
BY_HAND = b"\x4fabcd\x04\x00\x19\x50vwxyz"
MEANT = b"abcd" * 12 + b"vwxyz"


def test_block_written_by_hand_is_read() -> None:
    """The format is what its description says."""
    assert Lz4().decompress(memoryview(BY_HAND), 100) == MEANT


@pytest.mark.parametrize("compression", [1, 9, 12])
def test_blocks_of_lz4hc_are_read(compression: int) -> None:
    """The other compressor of the format needs no other decompressor."""
    block = lz4.block.compress(
        TEXT, mode="high_compression", compression=compression, store_size=False
    )

    assert Lz4().decompress(memoryview(block), 4096) == TEXT


def test_others_read_our_blocks() -> None:
    """No size is stored: whoever reads must bring it along."""
    block = Lz4().compress(memoryview(TEXT))

    assert lz4.block.decompress(block, uncompressed_size=4096) == TEXT


def test_higher_level_gives_a_longer_block() -> None:
    """The level is the acceleration: faster, not smaller."""
    sizes = [len(Lz4(level).compress(memoryview(TEXT))) for level in (1, 8, 64)]

    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


@pytest.mark.parametrize(
    "block",
    [
        b"\x4fabcd\x05\x00\x19\x50vwxyz",
        b"\x4fabcd\x04\x00\x19",
        b"\x4fabcd\x04\x00",
        b"\x4fabcd\x04",
        b"\xf0" + b"\xff" * 20,
        b"\x50vwx",
    ],
    ids=[
        "distance before the beginning",
        "ends with a match",
        "match length missing",
        "half a distance",
        "length never ends",
        "literals missing",
    ],
)
def test_block_with_a_fault_is_corrupt(block: bytes) -> None:
    """Not an overflow, however large the numbers in it."""
    with pytest.raises(CorruptStreamError):
        Lz4().decompress(memoryview(block), 100)


def test_length_of_many_bytes_is_an_overflow() -> None:
    """A match longer than the room is seen before what follows it."""
    block = b"\x1fa\x01\x00" + b"\xff" * 1000 + b"\x00\x50vwxyz"

    with pytest.raises(OutputOverflowError):
        Lz4().decompress(memoryview(block), 4096)
    assert len(Lz4().decompress(memoryview(block), 1 << 20)) == 1 + 255_000 + 19 + 5


def test_walk_through_a_block_finds_its_length() -> None:
    """The walk and the library agree for blocks of every kind."""
    source = random.Random(4)
    for size in (0, 1, 12, 13, 14, 300, 4096):
        for data in (bytes(size), source.randbytes(size), TEXT[:size]):
            block = memoryview(Lz4().compress(memoryview(data)))

            assert not holds_more_than(block, size)
            assert size == 0 or holds_more_than(block, size - 1)
