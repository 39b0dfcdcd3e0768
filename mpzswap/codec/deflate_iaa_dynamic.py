"""
deflate-iaa-dynamic: Deflate with tables made for the data, in IAA's 4 KiB window.

What IAA of Granite Rapids can do; the name is that of the later series "zswap
compression batching".  The window has the source of deflate-iaa's.

isal's level 1 writes block type 2 for every ordinary page, but type 1 where that is
shorter (data of some 100 bytes; pages with a dozen bytes in them) and type 0
where data do not compress.  Those are done again at level 0, which sends ready-made
tables as if they were dynamic: always type 2, 7 us more, and some 110 bytes
larger.  The device would make better tables for such a page; the sizes of pages
that come out under 250 bytes are too large here by that much.
"""

from isal import isal_zlib

from mpzswap.codec.inflate import inflate

WINDOW_BITS = 12
# isal's levels: tables made for the data, and ready-made ones.
OWN_TABLES = 1
READY_TABLES = 0

# RFC 1951, 3.2.3: bits 1 and 2 of a block's header are its type.
TYPE_MASK = 0b110
DYNAMIC = 2 << 1


class DeflateIaaDynamic:
    """Streams that begin with a dynamic Huffman block; has no levels."""

    name = "deflate-iaa-dynamic"

    def __init__(self) -> None:
        self.level: int | None = None

    def compress(self, data: memoryview) -> bytes:
        """Give a stream that begins with block type 2; a random page's has 5.2 KB."""
        stream = isal_zlib.compress(data, OWN_TABLES, -WINDOW_BITS)
        if stream[0] & TYPE_MASK == DYNAMIC:
            return stream
        return isal_zlib.compress(data, READY_TABLES, -WINDOW_BITS)

    def decompress(self, data: memoryview, limit: int) -> bytes:
        """Give what any Deflate stream of a 4 KiB window holds."""
        return inflate(data, limit, WINDOW_BITS)
