"""Compressed pages, as they come back to the user."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
        data: the compressed bytes of each page.
        checksums: uint32[N], CRC-32 of each page before anybody worked on it, and what
            it must come back as; None: there are none, as of a Packed made by hand,
            and nothing is compared.
    """

    compressor: str
    lengths: NDArray[np.uint32]
    status: NDArray[np.uint8]
    path: NDArray[np.uint8]
    data: Sequence[bytes]
    checksums: NDArray[np.uint32] | None = None

    def __len__(self) -> int:
        """Give the number of pages."""
        return len(self.data)

    def __getitem__(self, index: int) -> memoryview:
        """Give the compressed bytes of page *index*."""
        return memoryview(self.data[index])

    def __iter__(self) -> Iterator[memoryview]:
        """Give the compressed bytes of each page in turn."""
        return map(memoryview, self.data)

    @property
    def nbytes(self) -> int:
        """Compressed bytes of all pages."""
        return int(self.lengths.sum(dtype=np.int64))

    @property
    def ratio(self) -> float:
        """Uncompressed bytes for each compressed one; 0 for no pages."""
        return len(self) * PAGE_SIZE / self.nbytes if self.nbytes else 0.0


class PackedPage(NamedTuple):
    """One of them."""

    data: bytes
    status: int
    path: int
    checksum: int


class Packing:
    """Packed pages in the making, page by page in any order."""

    def __init__(self, compressor: str, count: int) -> None:
        self._compressor = compressor
        self._lengths = [0] * count
        self._status = [0] * count
        self._path = [0] * count
        self._data = [b""] * count
        self._checksums = [0] * count

    def put(self, index: int, page: PackedPage) -> None:
        """Set what became of page *index*."""
        data, status, path, checksum = page
        self._lengths[index] = len(data)
        self._status[index] = status
        self._path[index] = path
        self._data[index] = data
        self._checksums[index] = checksum

    def done(self) -> Packed:
        """Give them; every page has been put."""
        lengths = np.array(self._lengths, np.uint32)
        status = np.array(self._status, np.uint8)
        path = np.array(self._path, np.uint8)
        checksums = np.array(self._checksums, np.uint32)
        for column in (lengths, status, path, checksums):
            column.setflags(write=False)
        data = tuple(self._data)
        return Packed(self._compressor, lengths, status, path, data, checksums)
