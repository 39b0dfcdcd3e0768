"""The page: its size, and how bytes are seen as an array of pages."""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Linux, arch/x86/include/asm/page_types.h: PAGE_SIZE on x86-64, bytes.
PAGE_SIZE = 4096

# An array of N pages: shape (N, 4096), uint8.
Pages: TypeAlias = NDArray[np.uint8]

# What callers may hand in: an array of any shape and type, or bytes-like.
PagesLike: TypeAlias = ArrayLike | bytes | bytearray | memoryview


def as_pages(data: PagesLike) -> Pages:
    """
    Give *data* as an (N, 4096) uint8 array; contiguous data are not copied.

    Raises:
        ValueError: the size is no multiple of 4096 bytes.
        TypeError: text, or objects, which have no bytes of their own.
    """
    array = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    array = np.ascontiguousarray(array)
    if array.dtype.kind not in "biufcV":
        raise TypeError(f"pages: {type(data).__name__}, must be bytes or an array")
    flat = array.reshape(-1).view(np.uint8)
    if flat.size % PAGE_SIZE:
        raise ValueError(
            f"pages: {flat.size} bytes, must be a multiple of {PAGE_SIZE} bytes"
        )
    return flat.reshape(-1, PAGE_SIZE)


def page_views(pages: Pages) -> list[memoryview]:
    """Give a view of each page of contiguous *pages*; cheaper than rows of numpy."""
    flat = pages.data.cast("B")
    return [flat[at : at + PAGE_SIZE] for at in range(0, len(flat), PAGE_SIZE)]
