"""
The memory of a pool: objects of like size packed into chains of pages.

    class 1632:  zspage, 2 pages   | object | object | free | object | free |
                 zspage, 2 pages   | object | free   | ...
    class 4096:  zspage, 1 page    | object |

    handle = number of the zspage << 15 | where the object begins in it

One owner, no lock.  But Ctrl-C may come wherever something is called, so what belongs
together is done without a call between: what was interrupted may be memory that nobody
uses, never an object that two use.

Pages are counted when a zspage is made and when its last object goes, as the limit of
zswap is one of pages and not of bytes.

Source of the scheme: Linux, mm/zsmalloc.c.  The kernel takes a free slot from the
fullest zspage; we take it from the one that was last written or freed from, which
is nearly full in the same cases and costs no search.  We do not compact.
"""

from collections.abc import Iterable

import msgspec

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.zswap.size_class import (
    MAX_PAGES_PER_ZSPAGE,
    SizeClass,
    class_index,
    size_classes,
)

# A zspage of 8 pages has 32 KiB.
OFFSET_BITS = (MAX_PAGES_PER_ZSPAGE * PAGE_SIZE - 1).bit_length()
OFFSET_MASK = (1 << OFFSET_BITS) - 1

# Ours: pages of zspages that are gone and whose memory is kept for the next ones,
# 1 MiB.  Memory that is new to the process costs 1 us a page at its first touch.
MAX_SPARE_PAGES = 256


class Zspage(msgspec.Struct, eq=False):
    """A chain of pages, cut into objects of one size."""

    number: int
    # The handle of its object at offset 0.
    first: int
    # How many objects it has.
    objects: int
    # The list of those with free objects that it is in when it has some.
    open: list["Zspage"]
    memory: memoryview
    # Where its free objects begin.
    free: list[int]
    # Its index in *open*, so that it leaves without a search.
    place: int = 0


class Zsmalloc:
    """
    An allocator of objects of 1 to 4096 bytes.

    Attributes:
        nr_pages: pages that its zspages have now.
    """

    def __init__(self) -> None:
        classes = size_classes()
        opens: dict[int, list[Zspage]] = {each.size: [] for each in classes}
        # By wanted size, so that an allocation rounds nothing.
        self._by_size = [
            (each, opens[each.size])
            for each in (classes[class_index(size)] for size in range(PAGE_SIZE + 1))
        ]
        self._zspages: dict[int, Zspage] = {}
        self._next_number = 0
        # Memory of zspages that are gone, by its pages.
        self._spare: list[list[memoryview]] = [
            [] for _ in range(MAX_PAGES_PER_ZSPAGE + 1)
        ]
        self._spare_pages = 0
        self.nr_pages = 0

    def alloc(self, size: int) -> int:
        """
        Give the handle of a new object of *size* bytes.

        Raises:
            MemoryError: the system has no page left.
            IndexError: *size* is over a page.
        """
        size_class, with_free = self._by_size[size]
        zspage = with_free[-1] if with_free else self._grow(size_class, with_free)
        free = zspage.free
        offset = free[-1]
        del free[-1]
        if not free:
            del with_free[-1]
        return zspage.first | offset

    def put_many(
        self, data: Iterable[memoryview], lengths: Iterable[int], handles: list[int]
    ) -> None:
        """
        Append to *handles* that of a new object for the first so many bytes of each.

        Hot, once a page: ``alloc`` and ``write`` without two calls a page, which cost
        as much as what they do.

        Raises:
            MemoryError: the system has no page left; what is in *handles* is there.
        """
        by_size, append = self._by_size, handles.append
        for view, length in zip(data, lengths, strict=False):
            size_class, with_free = by_size[length]
            zspage = with_free[-1] if with_free else self._grow(size_class, with_free)
            free = zspage.free
            start = free[-1]
            del free[-1]
            if not free:
                del with_free[-1]
            append(zspage.first | start)
            zspage.memory[start : start + length] = view[:length]

    def free(self, handle: int) -> None:
        """Take the object back; its zspage goes when nothing else is in it."""
        self.free_many((handle,))

    def free_many(self, handles: Iterable[int]) -> None:
        """Take objects back, one after the other; hot as ``put_many`` is."""
        zspages = self._zspages
        for handle in handles:
            zspage = zspages[handle >> OFFSET_BITS]
            free = zspage.free
            place = len(zspage.open)
            if not free:
                zspage.place = place
                zspage.open += (zspage,)
            free += (handle & OFFSET_MASK,)
            if len(free) == zspage.objects:
                self._give_back(zspage)

    def write(self, handle: int, data: memoryview) -> None:
        """Copy *data*, as many bytes as were asked for, into the object."""
        start = handle & OFFSET_MASK
        memory = self._zspages[handle >> OFFSET_BITS].memory
        memory[start : start + len(data)] = data

    def view(self, handle: int, length: int) -> memoryview:
        """Lend the first *length* bytes of the object, until it is freed."""
        start = handle & OFFSET_MASK
        return self._zspages[handle >> OFFSET_BITS].memory[start : start + length]

    def read_many(
        self,
        handles: Iterable[int],
        lengths: Iterable[int],
        buffers: Iterable[memoryview],
    ) -> None:
        """Copy the first so many bytes of each object into the buffer beside it."""
        zspages = self._zspages
        for handle, length, buffer in zip(handles, lengths, buffers, strict=False):
            start = handle & OFFSET_MASK
            memory = zspages[handle >> OFFSET_BITS].memory
            buffer[:length] = memory[start : start + length]

    def _grow(self, size_class: SizeClass, with_free: list[Zspage]) -> Zspage:
        """Make a zspage; it is the last, and the only one, of *with_free*."""
        spare = self._spare[size_class.pages]
        if spare:
            memory = spare.pop()
            self._spare_pages -= size_class.pages
        else:
            memory = memoryview(bytearray(size_class.pages * PAGE_SIZE))
        number = self._next_number
        zspage = Zspage(
            number,
            number << OFFSET_BITS,
            len(size_class.offsets),
            with_free,
            memory,
            list(size_class.offsets),
            place=len(with_free),
        )
        self._next_number += 1
        self._zspages[number] = zspage
        self.nr_pages += size_class.pages
        with_free += (zspage,)
        return zspage

    def _give_back(self, zspage: Zspage) -> None:
        """Forget *zspage*; the last of those with free objects takes its place."""
        pages = len(zspage.memory) // PAGE_SIZE
        last = zspage.open[-1]
        del zspage.open[-1]
        if last is not zspage:
            zspage.open[zspage.place] = last
            last.place = zspage.place
        del self._zspages[zspage.number]
        self.nr_pages -= pages
        if self._spare_pages + pages <= MAX_SPARE_PAGES:
            self._spare_pages += pages
            self._spare[pages].append(zspage.memory)
