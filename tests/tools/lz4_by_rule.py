"""
A decoder of LZ4 blocks that follows the format's description, step by step.

Source: lz4, doc/lz4_Block_format.md.  It shares nothing with the codec "lz4", and
so is its second opinion; it takes its time, and refuses all that is not so.
"""

from collections.abc import Iterator

MIN_MATCH = 4
LONG = 15
MORE = 255


def decode(block: bytes) -> bytes:
    """
    Give what *block* holds.

    Raises:
        ValueError: it is no whole block.
    """
    out = bytearray()
    feed = iter(block)
    try:
        while True:
            token = next(feed)
            for _ in range(_length(feed, token >> 4)):
                out.append(next(feed))
            low = next(feed, None)
            if low is None:
                return bytes(out)
            _copy(out, low | next(feed) << 8, _length(feed, token & 15) + MIN_MATCH)
    except StopIteration:
        raise ValueError("cut short") from None


def _length(feed: Iterator[int], nibble: int) -> int:
    """Give a length that begins with *nibble*; bytes follow a full one."""
    length = part = nibble
    if nibble == LONG:
        part = MORE
    while part == MORE:
        part = next(feed)
        length += part
    return length


def _copy(out: bytearray, distance: int, length: int) -> None:
    if not 0 < distance <= len(out):
        raise ValueError(f"distance {distance} after {len(out)} bytes")
    for _ in range(length):
        out.append(out[-distance])
