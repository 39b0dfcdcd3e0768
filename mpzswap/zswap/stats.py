"""
What zswap counts, and how long things took.

Names are those of /sys/kernel/debug/zswap and of vmstat where the kernel has one
(Linux, mm/zswap.c, mm/vmstat.c); the others are ours.  The books balance:

    pages_out  =  compressed_out + same_filled_out + incompressible_out  +  rejected
    zswpout    =  compressed_out + same_filled_out + incompressible_out
    pswpout    =  written_back_pages  +  those of the rejected that went to swap
    pages_out  =  rejected, and not in swap  +  loaded  +  invalidated  +  still here

Still here: stored_pages and swap_pages.  The last line holds where loads are
exclusive, as the kernel's are: a page that comes back is one of zswpin or one of
pswpin, and is stored no more.
"""

from dataclasses import dataclass, field
from typing import Self

import msgspec

from mpzswap.acomp.stages import StageSums
from mpzswap.clock.histogram import Histogram
from mpzswap.page.frame import PAGE_SIZE


class Counters(msgspec.Struct):
    """Events since the beginning; one writer, the CPU's Zswap."""

    # Pages handed to store.
    pages_out: int = 0
    # Pages stored: all pages of their folio were.
    zswpout: int = 0
    # ... of these, as the transform's output,
    compressed_out: int = 0
    # ... which it got in software (the other compressed_out: from a device),
    software_out: int = 0
    # ... as their value, since they are the same 8 bytes all over,
    same_filled_out: int = 0
    # ... as they were, since they did not compress,
    incompressible_out: int = 0
    # ... which was for an error that says nothing about their size.
    incompressible_error_out: int = 0
    # Pages of folios rejected since the pool was full,
    rejected_limit_pages: int = 0
    # ... since one of their pages did not compress,
    rejected_poor_pages: int = 0
    # ... since compression of one of them failed in another way,
    rejected_fail_pages: int = 0
    # ... since there was no memory for one of them.
    rejected_alloc_pages: int = 0
    # Bytes that compressed_out and incompressible_out took.
    compressed_bytes: int = 0
    # Pages loaded.
    zswpin: int = 0
    # Folios that found the pool at its limit.
    pool_limit_hit: int = 0
    # Pages that did not compress and for which their folio was rejected.
    reject_compress_poor: int = 0
    # Pages whose compression failed otherwise and for which it was.
    reject_compress_fail: int = 0
    # Pages for which there was no memory.
    reject_alloc_fail: int = 0
    # Times that writeback could not make the room that was needed.
    reject_reclaim_fail: int = 0
    # Pages that could not be had from the pool; they are still stored.
    decompress_fail: int = 0
    # Pages written back to the swap file to make room.
    written_back_pages: int = 0
    # Pages read from the swap file.
    pswpin: int = 0
    # Pages written to the swap file: written back, or of folios that were rejected.
    pswpout: int = 0
    # Pages that the swap file had no room for; they are where they were.
    swap_write_fail: int = 0
    # Pages that the swap file gave back damaged, or not at all.
    swap_read_fail: int = 0
    # Pages that were stored, here or in swap, and were forgotten without being loaded:
    # given up by their owner, or stored anew.
    invalidated_pages: int = 0
    # Pages that came back different from what was stored; those that were right when
    # software did them again are not in decompress_fail.
    checksum_fail: int = 0


class ZswapStats(  # type: ignore[misc]  # mypy: no dataclass may; a Struct may
    Counters, frozen=True
):
    """The counters at one moment, and what is stored then; ``+`` adds up CPUs."""

    # Pages stored now, same-filled ones among them.
    stored_pages: int = 0
    # Bytes of the pages that the pool has now.
    pool_total_size: int = 0
    # Stored now as their value.
    same_filled_pages: int = 0
    # Stored now as they were.
    stored_incompressible_pages: int = 0
    # Pages that are in the swap file now; not among stored_pages.
    swap_pages: int = 0

    @property
    def zswpwb(self) -> int:
        """Give what vmstat calls by this name and debugfs written_back_pages."""
        return self.written_back_pages

    @property
    def rejected_pages(self) -> int:
        """Pages of rejected folios; zswap keeps nothing of these."""
        return (
            self.rejected_limit_pages
            + self.rejected_poor_pages
            + self.rejected_fail_pages
            + self.rejected_alloc_pages
        )

    @property
    def kept_pages(self) -> int:
        """Pages that their owner has kept: rejected, and not written to swap."""
        return self.rejected_pages - (self.pswpout - self.written_back_pages)

    @property
    def compression_ratio(self) -> float:
        """Bytes in for each byte out, without same-filled pages; 0 if none were."""
        pages = self.compressed_out + self.incompressible_out
        return pages * PAGE_SIZE / self.compressed_bytes if pages else 0.0

    def __add__(self, other: Self) -> Self:
        """Add what another CPU counted."""
        names = self.__struct_fields__
        return type(self)(
            **{name: getattr(self, name) + getattr(other, name) for name in names}
        )


@dataclass(frozen=True)
class Latency:
    """How long things took, ns."""

    # A page of a store: the call's time, shared out among its pages; if it had to
    # wait for writeback, with that.
    store_page: Histogram = field(default_factory=Histogram)
    # A page of a load, likewise.
    load_page: Histogram = field(default_factory=Histogram)
    # A sub-batch, from its submission to the end of its last page.
    batch: Histogram = field(default_factory=Histogram)
    # Where pages of stores and of loads spent their time, where that is counted.
    store_stages: StageSums = field(default_factory=StageSums)
    load_stages: StageSums = field(default_factory=StageSums)
