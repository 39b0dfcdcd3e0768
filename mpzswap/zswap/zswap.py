"""
zswap: a compressed cache of swapped-out pages, one object for each CPU's worker.

    store   folios -> sub-batches -> the CPU's requests -> entries, pool
    load    entries, pool -> the CPU's requests -> frames

Entries and pool belong to one process and are touched by nobody else; only the
number of pages is shared, in words with one writer each (``PoolLimit``).
"""

from collections.abc import Sequence
from functools import partial

from mpzswap.acomp.pipeline import Pipeline, Shape
from mpzswap.acomp.request import Acomp
from mpzswap.clock.work import Clock
from mpzswap.errors import ClosedError, LoadError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.ring.memory import Frames
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.entry import Entries
from mpzswap.zswap.limit import PoolLimit
from mpzswap.zswap.load import Load
from mpzswap.zswap.stats import Counters, Latency, ZswapStats
from mpzswap.zswap.store import Folio, FolioState, Store


class Zswap:
    """
    The zswap of one CPU; not for several threads.

    Args:
        settings: what may be turned.
        acomp: the CPU's transform.
        limit: the CPU's view of the pool's size.
        clock: whose time the latencies are in.

    Attributes:
        latency: how long stores, loads and sub-batches took.

    Raises:
        MpzswapError: the transform has no buffers left.
    """

    def __init__(
        self, settings: ZswapSettings, acomp: Acomp, limit: PoolLimit, clock: Clock
    ) -> None:
        self.latency = Latency()
        self._clock = clock
        self._limit = limit
        self._entries = Entries()
        self._counters = Counters()
        shape = Shape.of(settings.batching, settings.batch_size)
        self._pipeline = Pipeline(acomp, clock, shape, self.latency.batch)
        self._store = Store(acomp, self._entries, limit, settings, self._counters)
        self._load = Load(acomp, self._entries, settings, self._counters)
        self._closed = False

    def close(self) -> None:
        """Give the requests and the pool back; what is stored is gone."""
        if not self._closed:
            self._closed = True
            self._pipeline.close()
            self._limit.publish(0)

    def __contains__(self, swap_offset: int) -> bool:
        """Tell whether a page is stored at *swap_offset*."""
        return swap_offset in self._entries.by_offset

    def __len__(self) -> int:
        """Give the number of stored pages."""
        return len(self._entries.by_offset)

    def store(self, frames: Frames, folios: Sequence[Folio]) -> list[bool]:
        """
        Store folios, each whole or not at all; False for each that is rejected.

        What was stored at a folio's offsets before is gone in either case.

        Raises:
            ValueError: folios overlap, or are outside *frames*.
            ClosedError: used after ``close``.
        """
        self._check_open()
        nr_pages = _check(frames, folios)
        started_ns = self._clock.now_ns()
        states = [FolioState(folio) for folio in folios]
        store = self._store
        try:
            self._pipeline.run(
                store.pages(frames, states), store.submit, partial(store.take, frames)
            )
        except BaseException:
            store.abort(states)
            raise
        finally:
            self._limit.publish(self._entries.zsmalloc.nr_pages)
        elapsed_ns = self._clock.now_ns() - started_ns
        if nr_pages:
            self.latency.store_page.record(elapsed_ns // nr_pages, nr_pages)
        return store.finish(states)

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
            LoadError: some could not be decompressed and are still stored; all
                others were loaded.
            ValueError: an offset is named twice, or has no frame in *frames*.
            ClosedError: used after ``close``.
        """
        self._check_open()
        started_ns = self._clock.now_ns()
        load = self._load
        _check_frames(frames, frame_indices)
        wanted = load.wanted(offsets, frame_indices)
        failures: dict[int, int] = {}
        try:
            self._pipeline.run(
                load.pages(frames, wanted),
                partial(load.submit, frames),
                partial(load.take, failures),
            )
        finally:
            self._limit.publish(self._entries.zsmalloc.nr_pages)
        elapsed_ns = self._clock.now_ns() - started_ns
        if wanted:
            self.latency.load_page.record(elapsed_ns // len(wanted), len(wanted))
        if failures:
            raise LoadError(failures)

    def invalidate(self, swap_offset: int) -> bool:
        """Forget the page at *swap_offset*; False if none is stored there."""
        erased = self._entries.erase(swap_offset)
        self._limit.publish(self._entries.zsmalloc.nr_pages)
        return erased

    def stats(self) -> ZswapStats:
        """Give what was counted until now, and what is stored now."""
        counters = self._counters
        return ZswapStats(
            **{name: getattr(counters, name) for name in counters.__struct_fields__},
            stored_pages=len(self),
            pool_total_size=self._entries.zsmalloc.nr_pages * PAGE_SIZE,
            same_filled_pages=self._entries.same_filled,
            stored_incompressible_pages=self._entries.incompressible,
        )

    def _check_open(self) -> None:
        """Refuse to work after the end."""
        if self._closed:
            raise ClosedError("zswap: is closed")


def _check_frames(frames: Frames, indices: Sequence[int]) -> None:
    """Refuse an index that is not one of *frames*."""
    if indices and not 0 <= min(indices) <= max(indices) < len(frames):
        raise ValueError(
            f"load: frames {min(indices)} to {max(indices)}, "
            f"must be below {len(frames)}"
        )


def _check(frames: Frames, folios: Sequence[Folio]) -> int:
    """Give the number of pages of *folios*, which are ours to store."""
    nr_pages = 0
    offsets: set[int] = set()
    for folio in folios:
        if not 0 <= folio.frame <= len(frames) - folio.nr_pages:
            raise ValueError(
                f"folio at swap offset {folio.swap_offset}: frames {folio.frame} to "
                f"{folio.frame + folio.nr_pages - 1}, must be below {len(frames)}"
            )
        nr_pages += folio.nr_pages
        offsets.update(range(folio.swap_offset, folio.swap_offset + folio.nr_pages))
    if len(offsets) != nr_pages:
        raise ValueError(
            f"store: {nr_pages} pages at {len(offsets)} swap offsets, must all differ"
        )
    return nr_pages
