"""
The codec: bytes in, one whole compressed stream out, and back again.

    data  --- compress --->  stream  --- decompress, limit --->  data

A codec knows nothing of pages, devices or where bytes go.  It holds no state
between calls that a caller could see, so any stream of a codec may be
decompressed by any other codec object of the same name, whatever their levels.

One object belongs to one process and one thread: it may keep a context of its
library, which two threads would break (zstd's raises errors when shared).
"""

from typing import Protocol


class Codec(Protocol):
    """
    One algorithm at one level.

    Every *data* is a C-contiguous view of bytes (format "B"), from none to some MB;
    the hot loop calls with 4 KiB, so the methods are thin, and check nothing that
    the library checks.

    Attributes:
        name: as users write it, without level.
        level: as users write it; None where the algorithm has no levels.
    """

    name: str
    level: int | None

    def compress(self, data: memoryview) -> bytes:
        """
        Give one whole stream that holds *data*; an empty one has a stream too.

        Always succeeds: what does not compress gives a stream longer than itself.
        There is no limit here, since only the caller knows what is to be done with a
        stream that is too long, and comparing its length costs less than an error.
        """

    def decompress(self, data: memoryview, limit: int) -> bytes:
        """
        Give what the stream *data* holds, at most *limit* bytes (0 to 2**30).

        However large a stream claims or turns out to be, no more memory is taken
        than the library's own state and *limit* bytes, give or take a constant.

        Only damage that the format can show is seen: none of these carries a
        checksum, so a changed stream may be a valid stream of other data.  An LZ4
        block does not even say where it ends, and may be a valid shorter one when
        cut.  Who needs more keeps the length and a checksum of the data.

        Raises:
            CorruptStreamError: *data* is not exactly one whole stream; it is empty,
                cut short, followed by something, or none of ours.
            OutputOverflowError: the result would be larger than *limit*.
        """
