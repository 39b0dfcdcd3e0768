"""
The known-answer vector: what a compressor must do, written down beforehand.

    Plain      data                      compressed, and back again, it is the same
    Known      stream, data              decompressed it is exactly these data
    Refused    stream, limit, error      decompressed it is this error

As in the kernel's crypto/testmgr.h; all of them are ours.  A stream is of another hand
than the codec's: worked out on paper, or made by another library.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mpzswap.errors import CodecError

# Linux, arch/x86/include/asm/page_types.h: PAGE_SIZE on x86-64, bytes.
PAGE = 4096


@dataclass(frozen=True)
class Plain:
    """
    Data to compress.

    Attributes:
        compresses: the stream is no longer than the data, as a device needs it.
    """

    name: str
    data: bytes
    compresses: bool = True


@dataclass(frozen=True)
class Known:
    """A stream, and what it holds."""

    name: str
    data: bytes
    stream: bytes


@dataclass(frozen=True)
class Refused:
    """A stream that must be refused, and how."""

    name: str
    error: type[CodecError]
    stream: bytes
    limit: int = PAGE


@dataclass(frozen=True)
class Suite:
    """All vectors of a compressor."""

    plain: tuple[Plain, ...]
    known: tuple[Known, ...]
    refused: tuple[Refused, ...]

    def names(self) -> Iterator[str]:
        """Give the name of every vector."""
        for vectors in (self.plain, self.known, self.refused):
            yield from (vector.name for vector in vectors)


def unhex(*lines: str) -> bytes:
    """Give the bytes that *lines* of hexadecimal digits and blanks are."""
    return bytes.fromhex("".join(lines))


# Data


def letters() -> bytes:
    """Give a page of one letter: a match that overlaps itself."""
    return b"a" * PAGE


def fours() -> bytes:
    """Give a page of a word of four letters, again and again."""
    return b"abcd" * (PAGE // 4)


def verse() -> bytes:
    """Give a page of twelve lines, again and again: literals, and far matches."""
    lines = [b"%d pages went out, %d came back.\n" % (n * n, n) for n in range(12)]
    return (b"".join(lines) * 12)[:PAGE]


def squares() -> bytes:
    """Give a page of 512 little-endian numbers: short matches, skewed bytes."""
    return struct.pack("<512Q", *(n * n for n in range(512)))


def noise(count: int = PAGE) -> bytes:
    """Give bytes that do not compress: SHA-256 of 0, 1, 2 ..."""
    blocks = (hashlib.sha256(b"%d" % n).digest() for n in range(count // 32 + 1))
    return b"".join(blocks)[:count]


# What every compressor is given.
PLAIN = (
    Plain("no data", b"", compresses=False),
    Plain("one byte", b"x", compresses=False),
    Plain("sentence", b"A page that is out is not yet gone, nor is it here.\n" * 3),
    Plain("page of zeros", bytes(PAGE)),
    Plain("page of one letter", letters()),
    Plain("page of one word", fours()),
    Plain("page of every byte", bytes(range(256)) * 16),
    Plain("page of verse", verse()),
    Plain("page of squares", squares()),
    Plain("page of noise", noise(), compresses=False),
    Plain("page of noise, then zeros", noise(PAGE // 2) + bytes(PAGE // 2)),
)
