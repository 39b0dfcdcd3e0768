"""
The entries: what is stored at which swap offset, and the memory that it takes.

    length 0            same-filled; the handle is the 8-byte value
    length 1 .. 4095    compressed; the handle is zsmalloc's
    length 4096         incompressible, kept as it was; the handle is zsmalloc's

Source: Linux, mm/zswap.c, struct zswap_entry.  The kernel's tree is a dict here.
"""

import msgspec

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.zswap.zsmalloc import Zsmalloc

SAME_FILLED = 0


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One stored page; the collector need not look at it: it holds two integers."""

    length: int
    handle: int


class Entries:
    """
    The stored pages of one CPU.

    Attributes:
        by_offset: the entry at each swap offset.
        zsmalloc: where their bytes are.
        same_filled: entries that are same-filled, now.
        incompressible: entries that are kept as they were, now.
    """

    def __init__(self) -> None:
        self.by_offset: dict[int, Entry] = {}
        self.zsmalloc = Zsmalloc()
        self.same_filled = 0
        self.incompressible = 0

    def insert_same_filled(self, offset: int, value: int) -> None:
        """Store a page that is *value* all over; none may be there yet."""
        self.by_offset[offset] = Entry(SAME_FILLED, value)
        self.same_filled += 1

    def insert(self, offset: int, data: memoryview) -> None:
        """
        Store a page's compressed bytes, or the page; none may be there yet.

        Raises:
            MemoryError: there is no memory for it; nothing is stored.
        """
        length = len(data)
        handle = self.zsmalloc.alloc(length)
        self.zsmalloc.write(handle, data)
        self.by_offset[offset] = Entry(length, handle)
        self.incompressible += length == PAGE_SIZE

    def erase(self, offset: int) -> bool:
        """Forget the page at *offset*; False if there is none."""
        entry = self.by_offset.pop(offset, None)
        if entry is None:
            return False
        if entry.length == SAME_FILLED:
            self.same_filled -= 1
            return True
        self.incompressible -= entry.length == PAGE_SIZE
        self.zsmalloc.free(entry.handle)
        return True
