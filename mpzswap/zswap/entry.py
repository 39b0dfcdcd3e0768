"""
The entries: what is stored at which swap offset, and the memory that it takes.

    length 0            same-filled; the handle is the 8-byte value
    length 1 .. 4095    compressed; the handle is zsmalloc's
    length 4096         incompressible, kept as it was; the handle is zsmalloc's

What is in the pool has the checksum of its page (``acomp.checksum``); a same-filled
page needs none: its value is the whole of it, and no device has had it.

Their order is the LRU, the coldest first: a page is erased before it is stored anew,
so it comes to the end.  A dict would do, but for the coldest: to find the first of a
dict all that were deleted before it are passed.

Source: Linux, mm/zswap.c, struct zswap_entry and shrink_memcg_cb.  The kernel's tree
and its list_lru are one here.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.zswap.swap_areas import SwapAreas
from mpzswap.zswap.zsmalloc import Zsmalloc

SAME_FILLED = 0


def anything(_: int) -> bool:
    """Let an entry at any offset go."""
    return True


class Entry(msgspec.Struct, eq=False, gc=False):
    """One stored page; the collector need not look at it: it holds plain values."""

    length: int
    handle: int
    # Of the page, before anybody worked on it; 0 where there is none.
    checksum: int = 0
    # Has a second chance when the LRU is walked; new ones have, as in the kernel.
    referenced: bool = True


class Entries:
    """
    The stored pages of one CPU.

    Attributes:
        by_offset: the entry at each swap offset, from the coldest to the hottest.
        zsmalloc: where their bytes are.
        same_filled: entries that are same-filled, now.
        incompressible: entries that are kept as they were, now.
        charged_bytes: what a cgroup is charged for the entries, now: their lengths
            (Linux, mm/memcontrol.c, obj_cgroup_charge_zswap).
        swap: pages that are not in zswap; None: there is no swap file.
    """

    def __init__(self, swap: SwapAreas | None = None) -> None:
        self.by_offset: OrderedDict[int, Entry] = OrderedDict()
        self.swap = swap
        self.zsmalloc = Zsmalloc()
        self.same_filled = 0
        self.incompressible = 0
        self.charged_bytes = 0

    def insert_same_filled(self, offset: int, value: int) -> None:
        """Store a page that is *value* all over; none may be there yet."""
        self.by_offset[offset] = Entry(SAME_FILLED, value)
        self.same_filled += 1

    def insert(self, offset: int, data: memoryview, checksum: int = 0) -> None:
        """
        Store a page's compressed bytes, or the page; none may be there yet.

        *checksum* is the page's.

        Raises:
            MemoryError: there is no memory for it; nothing is stored.
        """
        length = len(data)
        handle = self.zsmalloc.alloc(length)
        self.zsmalloc.write(handle, data)
        self.by_offset[offset] = Entry(length, handle, checksum)
        self.charged_bytes += length
        self.incompressible += length == PAGE_SIZE

    def insert_many(
        self,
        offsets: Iterable[int],
        data: Iterable[memoryview],
        lengths: Sequence[int],
        checksums: Iterable[int],
    ) -> int:
        """
        Store many pages at once: of each of *data* the first so many bytes.

        Returns:
            How many there was memory for; none of those behind them is stored.
        """
        handles: list[int] = []
        try:
            with contextlib.suppress(MemoryError):
                self.zsmalloc.put_many(data, lengths, handles)
            stored = len(handles)
            charged = sum(lengths[:stored])
            incompressible = lengths[:stored].count(PAGE_SIZE)
            entries = [*map(Entry, lengths, handles, checksums)]
            pairs = zip([*offsets][:stored], entries, strict=True)
        except BaseException:
            self.zsmalloc.free_many(handles)
            raise
        # One call, the last: Ctrl-C finds all of it there, or nothing.
        self.charged_bytes += charged
        self.incompressible += incompressible
        self.by_offset.update(pairs)
        return stored

    def coldest(
        self, count: int, may_go: Callable[[int], bool] = anything
    ) -> dict[int, Entry]:
        """
        Give up to *count* of the coldest entries that take memory and may go.

        Each that is passed goes to the end: one that is referenced, which it then
        is no more; one that is given, since whoever cannot write it back should
        not meet it again at once; a same-filled one, which the kernel has not on
        its list, since it takes no memory.
        """
        by_offset = self.by_offset
        picked: dict[int, Entry] = {}
        if len(by_offset) == self.same_filled:
            return picked
        # Twice round: the first time all may be referenced.
        for _ in range(2 * len(by_offset)):
            if len(picked) == count:
                break
            offset = next(iter(by_offset))
            entry = by_offset[offset]
            by_offset.move_to_end(offset)
            if entry.referenced:
                entry.referenced = False
            elif entry.length != SAME_FILLED and may_go(offset):
                picked[offset] = entry
        return picked

    def forget(self, offset: int) -> bool:
        """Forget the page at *offset*, here and in swap; False if there is none."""
        erased = self.erase(offset)
        return (self.swap is not None and self.swap.free(offset)) or erased

    def erase(self, offset: int) -> bool:
        """Forget the page at *offset*, not in swap; False if there is none."""
        entry = self.by_offset.pop(offset, None)
        if entry is None:
            return False
        if entry.length == SAME_FILLED:
            self.same_filled -= 1
            return True
        self.charged_bytes -= entry.length
        self.incompressible -= entry.length == PAGE_SIZE
        self.zsmalloc.free(entry.handle)
        return True

    def erase_compressed(self, offsets: Iterable[int]) -> None:
        """Forget the pages at *offsets*, each of which is there, and compressed."""
        erased = [*map(self.by_offset.pop, offsets)]
        self.charged_bytes -= sum([entry.length for entry in erased])
        self.zsmalloc.free_many([entry.handle for entry in erased])
