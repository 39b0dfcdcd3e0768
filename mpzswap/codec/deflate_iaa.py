"""
deflate-iaa: Deflate as IAA's "fixed" mode writes it.

The 4 KiB window and the fixed Huffman tables are the device's: Linux,
drivers/crypto/intel/iaa/iaa_crypto.h, FIXED_HDR (block type 1), and
Documentation/driver-api/crypto/iaa/iaa-crypto.rst (a history window of 4 KiB).
The device's header has BFINAL 0; our last block has 1, so that every inflate knows
where the stream ends.

zlib-ng's level 1 writes block type 1 alone, for whatever data: its quick method
knows no other.  The strategy Z_FIXED of zlib, and of zlib-ng from level 2 on, writes
stored blocks where data do not compress.  16 us a page; zlib needs 46 to 55.
"""

from zlib_ng import zlib_ng

from mpzswap.codec.inflate import inflate

WINDOW_BITS = 12
# zlib-ng's quick method; the one level that never stores nor makes own tables.
QUICK = 1


class DeflateIaa:
    """Fixed Huffman blocks only; has no levels."""

    name = "deflate-iaa"

    def __init__(self) -> None:
        self.level: int | None = None

    def compress(self, data: memoryview) -> bytes:
        """Give a stream that begins with block type 1; a random page's has 4.3 KB."""
        return zlib_ng.compress(data, QUICK, -WINDOW_BITS)

    def decompress(self, data: memoryview, limit: int) -> bytes:
        """Give what any Deflate stream of a 4 KiB window holds."""
        return inflate(data, limit, WINDOW_BITS)
