"""
A decoder of Zstandard frames that follows RFC 8878, section by section.

It shares nothing with the codec "zstd".  The packages that there are for Python
(zstandard, pyzstd, zstd, backports.zstd, compression.zstd) all wrap one library, so
none of them would be a second opinion.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.tools import fse
from tests.tools.xxh64 import xxh64
from tests.tools.zstd_literals import LiteralsDecoder

MAGIC = bytes.fromhex("28b52ffd")
MAX_BLOCK_BYTES = 128 << 10
# 3.1.1.1.2: 8 MiB; whoever wants more may be refused.
MAX_WINDOW = 13 << 3
# 3.1.1.3.2.1.1: the first value of each code, and the bits that are added to it.
LITERAL_LENGTHS = [(value, 0) for value in range(16)] + [
    *((16, 1), (18, 1), (20, 1), (22, 1), (24, 2), (28, 2), (32, 3), (40, 3)),
    *((48, 4), (64, 6), *((1 << width, width) for width in range(7, 17))),
]
MATCH_LENGTHS = [(value, 0) for value in range(3, 35)] + [
    *((35, 1), (37, 1), (39, 1), (41, 1), (43, 2), (47, 2), (51, 3), (59, 3)),
    *((67, 4), (83, 4), (99, 5)),
    *(((1 << width) + 3, width) for width in range(7, 17)),
]
# 3.1.1.3.2.2: what the tables are where a block has none.
LITERAL_SHARES = (4, 3, *[2] * 11, *[1] * 3, *[2] * 9, 3, 2, *[1] * 5, *[-1] * 4)
MATCH_SHARES = (1, 4, 3, *[2] * 6, *[1] * 37, *[-1] * 7)
OFFSET_SHARES = (*[1] * 6, *[2] * 3, *[1] * 15, *[-1] * 5)
# Predefined shares with their accuracy, and the highest accuracy of a described one.
KINDS = ((LITERAL_SHARES, 6, 9), (OFFSET_SHARES, 5, 8), (MATCH_SHARES, 6, 9))
PREDEFINED, RLE, DESCRIBED, REPEAT = range(4)


class Feed:
    """Bytes that are taken from the front; too few are a ValueError."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, count: int) -> bytes:
        """Take *count* bytes."""
        if count > len(self.rest):
            raise ValueError("cut short")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def number(self, count: int) -> int:
        """Take a number of *count* bytes."""
        return int.from_bytes(self.take(count), "little")


def decode(frame: bytes) -> bytes:
    """
    Give what *frame* holds (3.1.1).

    Raises:
        ValueError: it is not exactly one whole frame, or needs a dictionary.
    """
    feed = Feed(frame)
    if feed.take(4) != MAGIC:
        raise ValueError("no frame of Zstandard")
    flags = feed.number(1)
    claim = read_header(feed, flags)
    content = Content()
    last = False
    while not last:
        head = feed.number(3)
        last = bool(head & 1)
        content.add_block(feed, head >> 1 & 3, head >> 3)
    if flags & 4 and feed.number(4) != xxh64(content.out) & 0xFFFFFFFF:
        raise ValueError("another checksum")
    if feed.rest:
        raise ValueError("followed by others")
    if claim not in (None, len(content.out)):
        raise ValueError(f"claims {claim} bytes, has {len(content.out)}")
    return bytes(content.out)


def read_header(feed: Feed, flags: int) -> int | None:
    """Read what follows the flags; give the content size if there is one (3.1.1.1)."""
    if flags & 8:
        raise ValueError("a reserved bit is set")
    single_segment = bool(flags & 0x20)
    # 2**10 bytes and more, the exponent in the upper five bits.
    if not single_segment and feed.number(1) > MAX_WINDOW:
        raise ValueError("a window of more than 8 MiB")
    if feed.number((0, 1, 2, 4)[flags & 3]):
        raise ValueError("needs a dictionary")
    kind = flags >> 6
    size = (int(single_segment), 2, 4, 8)[kind]
    if not size:
        return None
    return feed.number(size) + (256 if kind == 1 else 0)


@dataclass
class Content:
    """What the blocks of a frame gave so far, and what later ones may refer to."""

    out: bytearray = field(default_factory=bytearray)
    literals: LiteralsDecoder = field(default_factory=LiteralsDecoder)
    tables: list[fse.Table | None] = field(default_factory=lambda: [None] * 3)
    # The last three offsets, the latest first.
    offsets: list[int] = field(default_factory=lambda: [1, 4, 8])

    def add_block(self, feed: Feed, kind: int, size: int) -> None:
        """Add what a block holds (3.1.1.2)."""
        if kind == 3 or size > MAX_BLOCK_BYTES:
            raise ValueError(f"block of type {kind}, {size} bytes")
        if kind == 0:
            self.out += feed.take(size)
        elif kind == 1:
            self.out += feed.take(1) * size
        else:
            self._add_compressed(feed.take(size))

    def _add_compressed(self, block: bytes) -> None:
        literals, used = self.literals.decode(block)
        feed = Feed(block[used:])
        count = self._read_count(feed)
        if count:
            modes = feed.number(1)
            for kind, shift in enumerate((6, 4, 2)):
                self._read_table(feed, kind, modes >> shift & 3)
            literals = self._run(fse.Backward(feed.rest), count, literals)
        elif feed.rest:
            raise ValueError("a block has more than its sections")
        self.out += literals

    @staticmethod
    def _read_count(feed: Feed) -> int:
        first = feed.number(1)
        if first < 128:
            return first
        if first < 255:
            return (first - 128 << 8) + feed.number(1)
        return feed.number(2) + 0x7F00

    def _read_table(self, feed: Feed, kind: int, mode: int) -> None:
        shares, log, highest_log = KINDS[kind]
        if mode == PREDEFINED:
            self.tables[kind] = fse.make_table(shares, log)
        elif mode == RLE:
            self.tables[kind] = fse.single(feed.number(1))
        elif mode == DESCRIBED:
            self.tables[kind], used = fse.read_table(feed.rest, highest_log)
            feed.take(used)

    def _run(self, bits: fse.Backward, count: int, literals: bytes) -> bytes:
        """Do the sequences; give the literals that are left (3.1.1.3.2.1.2)."""
        tables = [table for table in self.tables if table is not None]
        if len(tables) < 3:
            raise ValueError("a table is repeated that never was")
        walks = [fse.Walk(table, bits) for table in tables]
        for number in range(count):
            code = walks[1].symbol
            offset = (1 << code) + bits.read(code)
            length = _value(MATCH_LENGTHS, walks[2].symbol, bits)
            nr_literals = _value(LITERAL_LENGTHS, walks[0].symbol, bits)
            if nr_literals > len(literals):
                raise ValueError("more literals are used than there are")
            self.out += literals[:nr_literals]
            literals = literals[nr_literals:]
            self._copy(self._offset(offset, nr_literals), length)
            for kind in (0, 2, 1) if number < count - 1 else ():
                walks[kind].step()
        if bits.left:
            raise ValueError(f"{bits.left} bits are left of the sequences")
        return literals

    def _offset(self, value: int, nr_literals: int) -> int:
        """Give the offset that *value* stands for (3.1.1.5)."""
        if value > 3:
            offset = value - 3
            self.offsets = [offset, *self.offsets[:2]]
            return offset
        place = value - 1 + (nr_literals == 0)
        offset = self.offsets[place] if place < 3 else self.offsets[0] - 1
        if place:
            rest = [each for at, each in enumerate(self.offsets) if at != min(place, 2)]
            self.offsets = [offset, *rest]
        return offset

    def _copy(self, offset: int, length: int) -> None:
        if not 0 < offset <= len(self.out):
            raise ValueError(f"offset {offset} after {len(self.out)} bytes")
        for _ in range(length):
            self.out.append(self.out[-offset])


def _value(codes: Sequence[tuple[int, int]], code: int, bits: fse.Backward) -> int:
    if code >= len(codes):
        raise ValueError(f"code {code}, at most {len(codes) - 1}")
    first, width = codes[code]
    return first + bits.read(width)
