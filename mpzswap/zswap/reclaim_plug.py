"""
The reclaim plug: folios to be swapped out are held until there is a batch of them.

    folio after folio --add--> held --swap_out--> done: each with where it is now
                                |
                                +-- a batch ends when it is full, where the swap area
                                    or the node changes, around a PMD, with the list

One plug is for one list of isolated folios.  Whatever is raised within, each folio
that was added is in ``done`` or in ``held``: what is held was not swapped out.

Source: patch 13 of the series, the plug of shrink_folio_list.
"""

from collections.abc import Callable, Sequence
from typing import Self

import msgspec

from mpzswap.topology.settings import MAX_COMPRESS_BATCHSIZE
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_entry import swp_type
from mpzswap.zswap.swap_out import SwappedTo

# Linux, include/linux/huge_mm.h, HPAGE_PMD_NR of 4 KiB pages: 2 MiB.
PMD_PAGES = 512


class PlugStats(msgspec.Struct):
    """What plugs did, and why each batch ended; ``+`` adds up CPUs."""

    # Batches handed over, and the folios in them.
    batches: int = 0
    folios: int = 0
    # Batches that ended since they had as many folios as a batch may have,
    full: int = 0
    # ... since the next folio was to go to another swap area,
    swap_area: int = 0
    # ... since the next folio lay on another node,
    node: int = 0
    # ... since the next folio was a PMD, or which were one by itself,
    pmd: int = 0
    # ... since the list ended.
    list_end: int = 0

    def __add__(self, other: Self) -> Self:
        """Add what another CPU counted."""
        names = self.__struct_fields__
        return type(self)(
            **{name: getattr(self, name) + getattr(other, name) for name in names}
        )


class ReclaimPlug:
    """
    A plug for one list of folios.

    Args:
        swap_out: takes a batch and tells where each of its folios is.
        batchsize: vm.compress-batchsize; 1: each folio by itself, as without a plug.
        stats: where this is counted.

    Attributes:
        done: folios that were handed over and where each is now, in order.
        held: folios that were not, in order.
    """

    def __init__(
        self,
        swap_out: Callable[[Sequence[Folio]], Sequence[SwappedTo]],
        batchsize: int,
        stats: PlugStats,
    ) -> None:
        if not 1 <= batchsize <= MAX_COMPRESS_BATCHSIZE:
            raise ValueError(
                f"batchsize: {batchsize}: must be 1 to {MAX_COMPRESS_BATCHSIZE}"
            )
        self.done: list[tuple[Folio, SwappedTo]] = []
        self.held: list[Folio] = []
        self.stats = stats
        self._swap_out = swap_out
        self._batchsize = batchsize
        self._node = 0

    def add(self, folio: Folio, node: int) -> None:
        """Hold a folio that lies on *node*, or hand it over with what is held."""
        self.held.append(folio)
        if len(self.held) > 1:
            self._end_before(folio, node)
        self._node = node
        if folio.nr_pages >= PMD_PAGES:
            self._hand_over(1)
            self.stats.pmd += 1
        elif len(self.held) == self._batchsize:
            self._hand_over(self._batchsize)
            self.stats.full += 1

    def finish(self) -> None:
        """Hand over what is held: the list has ended."""
        if self.held:
            self._hand_over(len(self.held))
            self.stats.list_end += 1

    def _end_before(self, folio: Folio, node: int) -> None:
        """Hand over what was held before *folio*, if that cannot be with it."""
        count, stats = len(self.held) - 1, self.stats
        if folio.nr_pages >= PMD_PAGES:
            self._hand_over(count)
            stats.pmd += 1
        elif swp_type(folio.swap_offset) != swp_type(self.held[0].swap_offset):
            self._hand_over(count)
            stats.swap_area += 1
        elif node != self._node:
            self._hand_over(count)
            stats.node += 1

    def _hand_over(self, count: int) -> None:
        """Swap the first *count* of the held out; they are held until that is done."""
        batch = self.held[:count]
        self.done += zip(batch, self._swap_out(batch), strict=True)
        del self.held[:count]
        self.stats.batches += 1
        self.stats.folios += count
