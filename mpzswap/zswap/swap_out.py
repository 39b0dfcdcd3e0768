"""
Swap-out: where a folio went, and the way to the swap file past zswap.

Source: Linux, mm/page_io.c, swap_writeout: what zswap does not take is written to
the swap area, and stays where that is not allowed (AOP_WRITEPAGE_ACTIVATE).
"""

from enum import IntEnum

from mpzswap.acomp.checksum import checksum
from mpzswap.ring.memory import Frames
from mpzswap.zswap.stats import Counters
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_file import SwapFile


class SwappedTo(IntEnum):
    """Where all pages of a folio are now; NONE: nowhere, so they must stay."""

    NONE = 0
    ZSWAP = 1
    SWAP = 2


def write_folio(
    file: SwapFile, frames: Frames, folio: Folio, counters: Counters
) -> SwappedTo:
    """Write a folio to the swap file, whole or not at all."""
    nr_pages = folio.nr_pages
    offsets = range(folio.swap_offset, folio.swap_offset + nr_pages)
    views = frames.views[folio.frame : folio.frame + nr_pages]
    has_room = file.space_left >= nr_pages
    # The caller's pages, not ones that came back: so they must be, whatever they are.
    pages = zip(offsets, views, map(checksum, views), strict=True)
    try:
        if has_room and file.store_many([*pages]) == nr_pages:
            counters.pswpout += nr_pages
            return SwappedTo.SWAP
    except BaseException:
        file.withdraw(offsets)
        raise
    file.withdraw(offsets)
    counters.swap_write_fail += nr_pages
    return SwappedTo.NONE
