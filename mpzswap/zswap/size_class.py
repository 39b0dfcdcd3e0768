"""
Size classes: which sizes share a zspage, and how many pages it has.

    size wanted -> + handle -> rounded up to a class -> merged with those above it

Classes whose zspages have as many pages and hold as many objects are one class, the
largest of them: what they could save by being apart, they could not use.

Source: Linux 6.6, mm/zsmalloc.c (calculate_zspage_chain_size, since 6.3).  The table
in Documentation/mm/zsmalloc.rst counts a few more classes: it was made by the rule
before that, which compared percents.  Sizes are bytes.
"""

from dataclasses import dataclass, field

from mpzswap.page.frame import PAGE_SIZE

# ZS_SIZE_CLASS_DELTA: PAGE_SIZE >> CLASS_BITS, which is 8.
CLASS_STEP_BYTES = PAGE_SIZE >> 8
# ZS_MIN_ALLOC_SIZE, where pages have 4 KiB.
MIN_CLASS_BYTES = 32
# CONFIG_ZSMALLOC_CHAIN_SIZE: its default (mm/Kconfig, since Linux 6.3).
MAX_PAGES_PER_ZSPAGE = 8
# ZS_HANDLE_SIZE: each object has its handle in front.  Ours has none; the bytes are
# counted all the same, since they decide the class.
HANDLE_BYTES = 8
# ZS_SIZE_CLASSES: 255 before merging.
NR_CLASSES = (PAGE_SIZE - MIN_CLASS_BYTES) // CLASS_STEP_BYTES + 1


@dataclass(frozen=True)
class SizeClass:
    """One kind of zspage: *pages* pages with objects of *size* bytes."""

    size: int
    pages: int
    # Where its objects begin in a zspage, last first: a list's end is its cheap side.
    offsets: tuple[int, ...] = field(repr=False)

    @property
    def objects(self) -> int:
        """How many objects a zspage holds."""
        return len(self.offsets)


def pages_per_zspage(size: int, most: int = MAX_PAGES_PER_ZSPAGE) -> int:
    """Give the number of pages that wastes least; the fewest, of several such."""
    return min(range(1, most + 1), key=lambda pages: pages * PAGE_SIZE % size)


def size_classes(most: int = MAX_PAGES_PER_ZSPAGE) -> tuple[SizeClass, ...]:
    """
    Give the class of each index, 0 to 254; merged indices have the same one.

    *most* is the longest chain of pages that a zspage may be.
    """
    classes: list[SizeClass] = []
    # From above, since classes are merged into the largest.
    for index in reversed(range(NR_CLASSES)):
        size = MIN_CLASS_BYTES + index * CLASS_STEP_BYTES
        pages = pages_per_zspage(size, most)
        objects = pages * PAGE_SIZE // size
        last = classes[-1] if classes else None
        if last and (last.pages, last.objects) == (pages, objects):
            classes.append(last)
        else:
            offsets = range(0, objects * size, size)
            classes.append(SizeClass(size, pages, tuple(reversed(offsets))))
    return tuple(reversed(classes))


def class_index(size: int) -> int:
    """Give the index of the class for an object of *size* bytes."""
    above = max(0, size + HANDLE_BYTES - MIN_CLASS_BYTES)
    # A whole page fits the last class though its handle does not: the kernel keeps
    # the handle of a huge object elsewhere.
    return min(NR_CLASSES - 1, -(-above // CLASS_STEP_BYTES))
