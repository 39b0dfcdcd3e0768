"""The decoders that follow the rules read what the libraries write, and no less."""

import os
import random
from pathlib import Path

import lz4.block
import pytest
import zstandard

from tests.tools import lz4_by_rule, zstd_by_rule
from tests.tools.bits import Bits

TEXT = Path(os.__file__).read_bytes()[:20_000]
DRAW = random.Random(1)
DATA = {
    "text": TEXT,
    "three letters": bytes(DRAW.choices(b"abc", (8, 2, 1), k=9000)),
    "lines": b"".join(b"line %d\n" % n for n in range(900)),
    "random": DRAW.randbytes(5000),
    "zeros": bytes(200_000),
    "short": b"abcabcabc",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("level", [1, 3, 9, 19, 22])
def test_frames_of_zstandard_are_read(kind: str, level: int) -> None:
    """Every kind of table and of literals, several blocks, checksums."""
    compressor = zstandard.ZstdCompressor(
        level=level, write_checksum=True, write_content_size=level < 9
    )

    assert zstd_by_rule.decode(compressor.compress(DATA[kind])) == DATA[kind]


@pytest.mark.parametrize("at", range(0, 60, 3))
def test_changed_frame_is_refused(at: int) -> None:
    """The checksum sees what the format does not."""
    frame = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(TEXT))
    frame[len(frame) * at // 60] ^= 0x10

    with pytest.raises(ValueError, match=r"\w"):
        zstd_by_rule.decode(bytes(frame))


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("mode", ["fast", "high_compression"])
def test_blocks_of_lz4_are_read(kind: str, mode: str) -> None:
    """Literals and matches of any length."""
    block = lz4.block.compress(DATA[kind], mode=mode, store_size=False)

    assert lz4_by_rule.decode(block) == DATA[kind]


@pytest.mark.parametrize("count", range(1, 40, 3))
def test_part_of_a_block_is_refused_or_shorter(count: int) -> None:
    """A cut block may be a whole one, but never of the same data."""
    block = lz4.block.compress(DATA["lines"], store_size=False)
    try:
        data = lz4_by_rule.decode(block[:-count])
    except ValueError:
        return

    assert DATA["lines"].startswith(data)
    assert len(data) < len(DATA["lines"])


def test_bits_are_packed_as_deflate_has_them() -> None:
    """Numbers lowest bit first, codes as they are written, the last byte filled up."""
    bits = Bits().number(1, 1).number(1, 2).code("0011 0000", 2)

    assert bits.packed() == bytes([0b01100011, 0b01100000, 0])
