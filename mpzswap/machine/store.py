"""A compressed page store for the user: zswap, with folios as bytes."""

import threading

import msgspec

from mpzswap.acomp.pipeline import Shape
from mpzswap.errors import InputError
from mpzswap.machine.submitter import Submitter
from mpzswap.page.frame import PagesLike, as_pages
from mpzswap.ring.memory import Frames
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.stats import ZswapStats
from mpzswap.zswap.store import Folio
from mpzswap.zswap.zswap import Zswap

# A load keeps the page: users of a store expect it; the kernel's swap-in does not.
STORE_SETTINGS = {"exclusive_loads": False}
# The largest folio: 2 MiB, PMD_SIZE on x86-64.
MAX_FOLIO_PAGES = 512


class PageStore:
    """
    zswap as one CPU has it; made by ``Machine.zswap``, used by any thread.

    Args:
        submitter: the CPU's.
        frames: where folios are staged, MAX_FOLIO_PAGES of them.
        settings: of this zswap.
    """

    def __init__(
        self, submitter: Submitter, frames: Frames, settings: ZswapSettings
    ) -> None:
        self._zswap = Zswap(
            settings,
            submitter.driver,
            submitter.pool_limit(settings),
            submitter.clock,
        )
        self._frames = frames
        self._check_open = submitter.check_open
        self._lock = threading.Lock()

    def store(self, offset: int, folio: PagesLike) -> bool:
        """
        Store a folio at the swap offsets from *offset* on, whole or not at all.

        Returns:
            False: rejected; nothing is kept of it, nor of what was there before.

        Raises:
            ValueError: no page, more than 512, or a size no multiple of 4096.
        """
        pages = as_pages(folio)
        if not 0 < len(pages) <= MAX_FOLIO_PAGES:
            raise ValueError(
                f"folio: {len(pages)} pages, must be 1 to {MAX_FOLIO_PAGES}"
            )
        with self._lock:
            self._check_open()
            self._frames.array[: len(pages)] = pages
            return self._zswap.store(self._frames, [Folio(offset, 0, len(pages))])[0]

    def load(self, offset: int) -> bytes:
        """
        Give the page at *offset*, 4096 bytes.

        Raises:
            NotStoredError: none is stored there.
            LoadError: it could not be decompressed; it is still stored.
        """
        with self._lock:
            self._check_open()
            self._zswap.load(offset, self._frames, 0)
            page: bytes = self._frames.array[0].tobytes()
            return page

    def invalidate(self, offset: int) -> bool:
        """Forget the page at *offset*; False if none was stored there."""
        with self._lock:
            return self._zswap.invalidate(offset)

    def __contains__(self, offset: int) -> bool:
        """Tell whether a page is stored at *offset*."""
        return offset in self._zswap

    def __len__(self) -> int:
        """Give the number of stored pages."""
        return len(self._zswap)

    def stats(self) -> ZswapStats:
        """Give the counters; fields are named as in the JSON of a stress run."""
        return self._zswap.stats()

    def close(self) -> None:
        """Forget all pages; the machine does it at its end."""
        self._zswap.close()


def choose_settings(
    settings: ZswapSettings, changes: dict[str, object]
) -> ZswapSettings:
    """
    Give *settings* with *changes*.

    Raises:
        InputError: a change is unknown or out of its range.
    """
    plain = msgspec.to_builtins(settings) | STORE_SETTINGS | changes
    try:
        return msgspec.convert(plain, ZswapSettings)
    except msgspec.ValidationError as error:
        raise InputError(f"zswap: {error}") from error


def nr_buffers(settings: ZswapSettings) -> int:
    """Give the buffers that the requests of a zswap take."""
    shape = Shape.of(settings.batching, settings.batch_size)
    return shape.nr_requests * shape.pages_per_request * shape.nr_sub_batches
