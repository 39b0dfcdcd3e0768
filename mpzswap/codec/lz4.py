"""
lz4: one LZ4 block, without a size before it.

The level is the acceleration, as in the kernel (drivers/block/zram/backend_lz4.c):
1 is plain LZ4, and higher ones are faster and compress less.  LZ4HC, which the
kernel names lz4hc, is another compressor.

The library has one error for a damaged block and for too little room; which of
the two it was is found by walking through the block, in Python, only then.  It
does not refuse a match at distance 0, which no compressor writes (seen with 1.9.4);
the bytes of such a match are anything.
"""

import lz4.block

from mpzswap.errors import CorruptStreamError, OutputOverflowError

# lz4 1.9.4, lib/lz4.c: LZ4_ACCELERATION_DEFAULT, LZ4_ACCELERATION_MAX.
DEFAULT_LEVEL = 1
LEVELS = range(1, 65537 + 1)

# lz4, doc/lz4_Block_format.md: both lengths of a token are nibbles; 15 means that
# bytes to be added follow, up to the first that is not 255; a match is 4 at least.
NIBBLE_MASK = 15
BYTE_MASK = 255
MIN_MATCH = 4


class Lz4:
    """LZ4 blocks; *level* is one of LEVELS."""

    name = "lz4"

    def __init__(self, level: int = DEFAULT_LEVEL) -> None:
        self.level: int | None = level
        self._arguments = ("fast", False, level)
        self._compress = lz4.block.compress
        self._decompress = lz4.block.decompress

    def compress(self, data: memoryview) -> bytes:
        """Give a block; at worst 1/255 and some bytes longer than *data*."""
        # By position, which the library's manual does not promise and a test holds:
        # mode, store_size, acceleration.  By name they cost 0.4 us, of 6.
        block: bytes = self._compress(data, *self._arguments)
        return block

    def decompress(self, data: memoryview, limit: int) -> bytes:
        """Give what any LZ4 block holds."""
        try:
            result: bytes = self._decompress(data, limit)
        except lz4.block.LZ4BlockError as error:
            if holds_more_than(data, limit):
                raise OutputOverflowError(
                    f"lz4: more than {limit} bytes come out"
                ) from error
            raise CorruptStreamError(
                f"lz4: {len(data)} bytes are no valid block: {error}"
            ) from error
        return result


def holds_more_than(block: memoryview, limit: int) -> bool:
    """Tell whether *block* gives over *limit* bytes before anything is wrong in it."""
    at = size = 0
    try:
        while size <= limit and at < len(block):
            token = block[at]
            literals, start = _length(block, at + 1, token >> 4)
            size += literals
            offset_at = start + literals
            if offset_at >= len(block):
                return offset_at == len(block) and size > limit
            offset = block[offset_at] | block[offset_at + 1] << 8
            if not 0 < offset <= size:
                return False
            match, at = _length(block, offset_at + 2, token & NIBBLE_MASK)
            size += match + MIN_MATCH
    except IndexError:
        return False
    return size > limit


def _length(block: memoryview, at: int, nibble: int) -> tuple[int, int]:
    """Give a length that begins with *nibble*, and where what follows it begins."""
    length = nibble
    more = nibble == NIBBLE_MASK
    while more:
        length += block[at]
        more = block[at] == BYTE_MASK
        at += 1
    return length, at
