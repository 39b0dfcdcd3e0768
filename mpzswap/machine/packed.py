"""Compressed pages, as they come back to the user."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    """

    compressor: str
    lengths: NDArray[np.uint32]
    status: NDArray[np.uint8]
    path: NDArray[np.uint8]
    data: Sequence[bytes]

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


class Packing:
    """Packed pages in the making, page by page in any order."""

    def __init__(self, compressor: str, count: int) -> None:
        self._compressor = compressor
        self._lengths = [0] * count
        self._status = [0] * count
        self._path = [0] * count
        self._data = [b""] * count

    def put(self, index: int, data: bytes, status: int, path: int) -> None:
        """Set what became of page *index*."""
        self._lengths[index] = len(data)
        self._status[index] = status
        self._path[index] = path
        self._data[index] = data

    def done(self) -> Packed:
        """Give them; every page has been put."""
        lengths = np.array(self._lengths, np.uint32)
        status = np.array(self._status, np.uint8)
        path = np.array(self._path, np.uint8)
        for column in (lengths, status, path):
            column.setflags(write=False)
        return Packed(self._compressor, lengths, status, path, tuple(self._data))
