"""
zswap: a compressed cache of swapped-out pages, one object for each CPU's worker.

    store   folios -> sub-batches -> the CPU's requests -> entries, pool
    load    entries, pool -> the CPU's requests -> frames

    where there are swap areas, with a file each:

    swap_out    store, and the folios that it rejects -> swap file
    writeback   the coldest entries -> the CPU's requests -> swap file
    load        what is not in the pool: swap file -> frames

A swap offset is a swap entry (``swap_entry``): what has no areas needs no types.
Entries, pool and swap files belong to one process and are touched by nobody else;
only the number of pages is shared, in words with one writer each (``PoolLimit``).
"""

from collections.abc import Sequence
from functools import partial

from mpzswap.acomp.pipeline import Pipeline, Shape
from mpzswap.acomp.request import Acomp, Request
from mpzswap.acomp.stages import Stage, StageSums
from mpzswap.clock.steps import Step
from mpzswap.clock.work import Clock
from mpzswap.errors import ClosedError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.check import check_folios, check_frames
from mpzswap.zswap.entry import Entries
from mpzswap.zswap.limit import PoolLimit
from mpzswap.zswap.load import Failures, Load, Wanted
from mpzswap.zswap.stats import Counters, Latency, ZswapStats
from mpzswap.zswap.store import Folio, FolioState, Store, StorePage
from mpzswap.zswap.swap_areas import SwapAreas
from mpzswap.zswap.swap_out import SwappedTo, write_folio
from mpzswap.zswap.writeback import Writeback


class Zswap:
    """
    The zswap of one CPU; not for several threads.

    Args:
        settings: what may be turned.
        acomp: the CPU's transform.
        limit: the CPU's view of the pool's size.
        clock: whose time the latencies are in.
        swap: where pages go that the pool has no room for; None: they stay.

    Attributes:
        latency: how long stores, loads and sub-batches took.

    Raises:
        MpzswapError: the transform has no buffers left.
    """

    def __init__(
        self,
        settings: ZswapSettings,
        acomp: Acomp,
        limit: PoolLimit,
        clock: Clock,
        swap: SwapAreas | None = None,
    ) -> None:
        self.latency = Latency()
        self._clock = clock
        self._limit = limit
        self._settings = settings
        self._swap = swap
        self._entries = Entries(swap)
        self._counters = Counters()
        shape = Shape.of(
            settings.batching, settings.batch_size, settings.nr_sub_batches
        )
        self._pipeline = Pipeline(acomp, clock, shape, self.latency.batch)
        self._store = Store(acomp, self._entries, limit, settings, self._counters)
        self._load = Load(acomp, self._entries, settings, self._counters)
        self._writeback: Writeback | None = None
        if swap is not None and settings.writeback:
            self._writeback = Writeback(self._load, self._pipeline, limit, swap)
        self._closed = False

    def close(self) -> None:
        """Give requests, pool and swap files back; what is stored is gone."""
        if not self._closed:
            self._closed = True
            self._pipeline.close()
            self._limit.publish(0)
            if self._swap is not None:
                self._swap.close()

    def __contains__(self, swap_offset: int) -> bool:
        """Tell whether a page is stored at *swap_offset*, in the pool or in swap."""
        if swap_offset in self._entries.by_offset:
            return True
        return self._swap is not None and swap_offset in self._swap

    def __len__(self) -> int:
        """Give the number of stored pages, in the pool and in swap."""
        in_swap = 0 if self._swap is None else len(self._swap)
        return len(self._entries.by_offset) + in_swap

    @property
    def pool_pages(self) -> int:
        """Pages that our part of the pool takes."""
        return self._entries.zsmalloc.nr_pages

    @property
    def charged_bytes(self) -> int:
        """Bytes that a cgroup is charged for our part: the lengths of the entries."""
        return self._entries.charged_bytes

    def next_swap_type(self, nr_pages: int) -> int:
        """Give the swap area whose turn it is, for a folio of so many pages."""
        return 0 if self._swap is None else self._swap.next_type(nr_pages)

    def store(self, frames: Frames, folios: Sequence[Folio]) -> list[bool]:
        """
        Store folios in the pool, each whole or not at all; False if rejected.

        What was stored at a folio's offsets before is gone in either case.

        A store that finds the pool full waits for the shrinker, if that is enabled,
        and goes on with the folios that had no room.  The kernel rejects them and
        shrinks in the background: hot pages go to the disk while colder ones stay in
        the pool, and ours would stay in memory, since nobody but this CPU can write
        its entries back.

        Raises:
            ValueError: folios overlap, or are outside *frames*.
            ClosedError: used after ``close``.
        """
        self._check_open()
        nr_pages = check_folios(frames, folios)
        started_ns = self._clock.now_ns()
        states = [FolioState(folio) for folio in folios]
        try:
            waiting = self._store_while_room(frames, states)
            while waiting and self._shrink():
                waiting = self._store_while_room(frames, waiting)
        except BaseException:
            self._store.abort(states)
            raise
        finally:
            self._limit.publish(self._entries.zsmalloc.nr_pages)
        elapsed_ns = self._clock.now_ns() - started_ns
        if nr_pages:
            self.latency.store_page.record(elapsed_ns // nr_pages, nr_pages)
        return self._store.finish(states)

    def swap_out(self, frames: Frames, folios: Sequence[Folio]) -> list[SwappedTo]:
        """
        Store folios, and write those that are rejected to the swap file.

        With ``writeback`` off nothing is written, as with memory.zswap.writeback
        (Linux, Documentation/admin-guide/cgroup-v2.rst).

        Returns:
            Where each is, whole; NONE: the caller must keep it, and what was stored
            at its offsets before is gone.  So it is of all if this is interrupted.

        Raises:
            ValueError: folios overlap, or are outside *frames*.
            ClosedError: used after ``close``.
        """
        stored = self.store(frames, folios)
        if all(stored):
            return [SwappedTo.ZSWAP] * len(stored)
        try:
            return [
                SwappedTo.ZSWAP if is_stored else self._write(frames, folio)
                for folio, is_stored in zip(folios, stored, strict=True)
            ]
        except BaseException:
            # Nobody is told which of them were stored.
            for folio in folios:
                self._store.erase(folio)
            self._limit.publish(self._entries.zsmalloc.nr_pages)
            raise

    def write_back(self, nr_pages: int) -> int:
        """
        Write up to *nr_pages* of the coldest pages back; give how many were.

        Raises:
            ClosedError: used after ``close``.
        """
        self._check_open()
        return self._writeback.write_back(nr_pages) if self._writeback else 0

    def load(self, swap_offset: int, frames: Frames, frame: int) -> None:
        """Load one page into *frame*; errors as of ``load_many``."""
        self.load_many([swap_offset], frames, [frame])

    def load_many(
        self, offsets: Sequence[int], frames: Frames, frame_indices: Sequence[int]
    ) -> None:
        """
        Load the page at each of *offsets* into the frame beside it.

        Raises:
            NotStoredError: none is stored at one of them; no page was loaded.
            LoadError: some could not be decompressed, came back different, or could
                not be read from the swap file (SwapReadError). They are still stored,
                and their frames hold whatever came; all others were loaded.
            ValueError: an offset is named twice, or has no frame in *frames*.
            ClosedError: used after ``close``.
        """
        self._check_open()
        started_ns = self._clock.now_ns()
        load = self._load
        check_frames(frames, frame_indices)
        wanted = load.wanted(offsets, frame_indices)
        failures = Failures()
        try:
            self._pipeline.run(
                load.pages(frames, failures, wanted),
                partial(load.submit, frames),
                partial(self._loaded, frames, failures),
            )
        finally:
            self._limit.publish(self._entries.zsmalloc.nr_pages)
        elapsed_ns = self._clock.now_ns() - started_ns
        if wanted:
            self.latency.load_page.record(elapsed_ns // len(wanted), len(wanted))
        failures.raise_any()

    def invalidate(self, swap_offset: int) -> bool:
        """Forget the page at *swap_offset*; False if none is stored there."""
        erased = self._entries.forget(swap_offset)
        self._counters.invalidated_pages += erased
        self._limit.publish(self._entries.zsmalloc.nr_pages)
        return erased

    def stats(self) -> ZswapStats:
        """Give what was counted until now, and what is stored now."""
        counters = self._counters
        return ZswapStats(
            **{name: getattr(counters, name) for name in counters.__struct_fields__},
            stored_pages=len(self._entries.by_offset),
            pool_total_size=self._entries.zsmalloc.nr_pages * PAGE_SIZE,
            same_filled_pages=self._entries.same_filled,
            stored_incompressible_pages=self._entries.incompressible,
            swap_pages=0 if self._swap is None else len(self._swap),
        )

    def _store_while_room(
        self, frames: Frames, states: Sequence[FolioState]
    ) -> list[FolioState]:
        """Store folios; give those for which the pool was full."""
        store = self._store
        for state in states:
            state.rejected = state.at_limit = False
        self._pipeline.run(
            store.pages(frames, states), store.submit, partial(self._stored, frames)
        )
        return [state for state in states if state.at_limit]

    def _stored(self, frames: Frames, request: Request, pages: list[StorePage]) -> None:
        """Put the pages of a request away."""
        self._store.take(frames, request, pages)
        self._clock.spend(Step.STORE_CALL)
        self._count_stages(self.latency.store_stages, request)

    def _loaded(
        self,
        frames: Frames,
        failures: Failures,
        request: Request,
        pages: list[Wanted],
    ) -> None:
        """Take the pages of a request that came."""
        self._load.take(frames, failures, request, pages)
        self._clock.spend(Step.LOAD_CALL)
        self._count_stages(self.latency.load_stages, request)

    def _count_stages(self, sums: StageSums, request: Request) -> None:
        """Count where its pages spent their time, with what came after it was over."""
        if not request.stages:
            return
        nr_pages = len(request.pages)
        ns = [*request.stages]
        ns[Stage.STORE] = nr_pages * (self._clock.now_ns() - request.over_ns)
        sums.add(nr_pages, ns)

    def _shrink(self) -> bool:
        """Make room in a full pool; False if that is off, or there was nothing."""
        if self._writeback is None or not self._settings.shrinker_enabled:
            return False
        return self._writeback.shrink()

    def _write(self, frames: Frames, folio: Folio) -> SwappedTo:
        """Write a folio that was rejected to the swap file, if that is allowed."""
        if self._swap is None or not self._settings.writeback:
            return SwappedTo.NONE
        file = self._swap.file_of(folio.swap_offset)
        return write_folio(file, frames, folio, self._counters)

    def _check_open(self) -> None:
        """Refuse to work after the end."""
        if self._closed:
            raise ClosedError("zswap: is closed")
