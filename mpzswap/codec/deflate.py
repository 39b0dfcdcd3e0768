"""
deflate: raw Deflate in software, without the device's restrictions.

Levels are zlib's 1 to 9.  Levels 1 to 3 are isal's and 4 to 9 zlib-ng's, since at
the low ones isal is both smaller and faster.  A page takes 17 us at level 1 (ratio
1.82), 48 us at level 4 (1.86), 74 us at level 9 (1.92), and 56 us at zlib's own level
1 (1.86), measured as in ``inflate``.  So the default is 1, and not 6 as in the kernel
(crypto/deflate.c: Z_DEFAULT_COMPRESSION): 3 % of the size are not worth three times
the time.

The window is 32 KiB, the largest; for a page of 4 KiB it makes no difference.
"""

from isal import isal_zlib
from zlib_ng import zlib_ng

from mpzswap.codec.inflate import inflate

LEVELS = range(1, 10)
DEFAULT_LEVEL = 1
# isal's highest; its own names for them are 0 to 3.
HIGHEST_OF_ISAL = 3
WINDOW_BITS = 15


class Deflate:
    """Whatever blocks are shortest; *level* is one of LEVELS."""

    name = "deflate"

    def __init__(self, level: int = DEFAULT_LEVEL) -> None:
        self.level: int | None = level
        self._level = level
        by_isal = level <= HIGHEST_OF_ISAL
        self._compress = isal_zlib.compress if by_isal else zlib_ng.compress

    def compress(self, data: memoryview) -> bytes:
        """Give a stream; at worst some bytes longer than *data*."""
        return self._compress(data, self._level, -WINDOW_BITS)

    def decompress(self, data: memoryview, limit: int) -> bytes:
        """Give what any raw Deflate stream holds."""
        return inflate(data, limit, WINDOW_BITS)
