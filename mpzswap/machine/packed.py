"""
Compressed pages, as they come back to the user.

    part 0   | page 0 | page 1 | ... | page 63 |      streams back to back, no gaps
    part 1   | page 64 | ...

A part is what a request gave, and one object: pages of their own would each cost an
allocation, and some 50 bytes beside their stream.
"""

import functools
import operator
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mpzswap.page.frame import PAGE_SIZE


@dataclass(frozen=True, eq=False)
class Packed:
    """
    N compressed pages.

    Attributes:
        compressor: what compressed them, as users write it.
        lengths: uint32[N], bytes of each compressed page.
        status: uint8[N], completion status of each; 0 where no device answered.
        path: uint8[N], mpzswap.Path of each.
        parts: the compressed bytes, *pages_per_part* pages in each but the last.
        checksums: uint32[N], CRC-32 of each page before anybody worked on it, and what
            it must come back as; None: there are none, as of a Packed made by hand,
            and nothing is compared.
    """

    compressor: str
    lengths: NDArray[np.uint32]
    status: NDArray[np.uint8]
    path: NDArray[np.uint8]
    parts: Sequence[bytes]
    pages_per_part: int
    checksums: NDArray[np.uint32] | None = None

    @classmethod
    def of(
        cls,
        compressor: str,
        streams: Sequence[bytes],
        path: NDArray[np.uint8],
        checksums: NDArray[np.uint32] | None = None,
    ) -> Self:
        """Make one by hand, of a stream a page."""
        lengths = np.fromiter(map(len, streams), np.uint32, len(streams))
        status = np.zeros(len(streams), np.uint8)
        parts = (b"".join(streams),)
        count = max(1, len(streams))
        return cls(compressor, lengths, status, path, parts, count, checksums)

    @functools.cached_property
    def starts(self) -> NDArray[np.int64]:
        """int64[N], where in its part each page begins."""
        starts = np.cumsum(self.lengths, dtype=np.int64) - self.lengths
        firsts = np.arange(len(starts)) // self.pages_per_part * self.pages_per_part
        begins: NDArray[np.int64] = starts - starts[firsts]
        return begins

    def __len__(self) -> int:
        """Give the number of pages."""
        return len(self.lengths)

    def __getitem__(self, index: int) -> memoryview:
        """Give the compressed bytes of page *index*."""
        place = range(len(self))[operator.index(index)]
        start = int(self.starts[place])
        part = memoryview(self.parts[place // self.pages_per_part])
        return part[start : start + int(self.lengths[place])]

    def __iter__(self) -> Iterator[memoryview]:
        """Give the compressed bytes of each page in turn."""
        return map(self.__getitem__, range(len(self)))

    @property
    def nbytes(self) -> int:
        """Compressed bytes of all pages."""
        return int(self.lengths.sum(dtype=np.int64))

    @property
    def ratio(self) -> float:
        """Uncompressed bytes for each compressed one; 0 for no pages."""
        return len(self) * PAGE_SIZE / self.nbytes if self.nbytes else 0.0

    def run(self, pages: range) -> memoryview:
        """Give the compressed bytes of *pages*, all of one part, back to back."""
        part = memoryview(self.parts[pages.start // self.pages_per_part])
        last = pages.stop - 1
        start, end = int(self.starts[pages.start]), int(self.starts[last])
        return part[start : end + int(self.lengths[last])]


class PackedPart(NamedTuple):
    """Some of them, one after the other; a list has an entry a page."""

    data: bytes
    lengths: list[int]
    statuses: list[int]
    paths: list[int]
    checksums: list[int]


class Packing:
    """Packed pages in the making, part by part in any order."""

    def __init__(self, compressor: str, count: int, pages_per_part: int) -> None:
        self._compressor = compressor
        self._pages_per_part = pages_per_part
        self._lengths = np.zeros(count, np.uint32)
        self._status = np.zeros(count, np.uint8)
        self._path = np.zeros(count, np.uint8)
        self._checksums = np.zeros(count, np.uint32)
        self._parts = [b""] * -(-count // pages_per_part)

    def put(self, first: int, part: PackedPart) -> None:
        """Set what became of the pages from *first* on, with which a part begins."""
        pages = slice(first, first + len(part.lengths))
        self._parts[first // self._pages_per_part] = part.data
        # As arrays: numpy takes lists number by number.
        self._lengths[pages] = array("I", part.lengths)
        self._checksums[pages] = array("I", part.checksums)
        self._status[pages] = array("B", part.statuses)
        self._path[pages] = array("B", part.paths)

    def done(self) -> Packed:
        """Give them; every page has been put."""
        columns = (self._lengths, self._status, self._path, self._checksums)
        for column in columns:
            column.setflags(write=False)
        return Packed(
            self._compressor,
            self._lengths,
            self._status,
            self._path,
            tuple(self._parts),
            self._pages_per_part,
            self._checksums,
        )
