"""A compressed page store for the user: zswap, with folios as bytes."""

import operator
from collections.abc import Callable

import msgspec

from mpzswap.acomp.pipeline import Shape
from mpzswap.errors import ClosedError, InputError, NotStoredError
from mpzswap.machine.closing import Closing
from mpzswap.machine.signals import uninterrupted
from mpzswap.machine.submitter import Submitter
from mpzswap.page.frame import PagesLike, as_pages
from mpzswap.ring.memory import Frames
from mpzswap.topology.explain import explained
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.stats import ZswapStats
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_entry import SWP_OFFSET_MASK
from mpzswap.zswap.zswap import Zswap

# A load keeps the page: users of a store expect it; the kernel's swap-in does not.
STORE_SETTINGS = {"exclusive_loads": False}
NOT_OF_A_STORE = (
    "compressor",
    "compress_batchsize",
    "page_cluster",
    "shrinker_enabled",
)
# The largest folio: 2 MiB, PMD_SIZE on x86-64.
MAX_FOLIO_PAGES = 512
# Above them a number would name another swap area.
OFFSETS = range(SWP_OFFSET_MASK + 1)


class PageStore(Closing):
    """
    zswap as one CPU has it; made by ``Machine.zswap``, used by any thread.

    Args:
        submitter: the CPU's.
        frames: where folios are staged, MAX_FOLIO_PAGES of them.
        settings: of this zswap.
        give_back: gives the machine back what it made for us.
    """

    def __init__(
        self,
        submitter: Submitter,
        frames: Frames,
        settings: ZswapSettings,
        give_back: Callable[[], None],
    ) -> None:
        self._zswap = Zswap(
            settings,
            submitter.driver,
            submitter.pool_limit(settings),
            submitter.clock,
        )
        self._frames = frames
        self._submitter = submitter
        self._give_back = give_back
        self._closed = False

    def close(self) -> None:
        """
        Forget all pages, and give all back.  It may be repeated.

        ``stats`` still gives what was counted, and stored, until then.
        """
        if not self._submitter.is_ours:
            return  # A fork of its owner: nothing here is ours to give back.
        with self._submitter.turn:
            if self._closed:
                return
            # At its end the machine has taken back what it gave.
            mine = not self._submitter.closed
            self._zswap.close()
            self._closed = True
            self._submitter.close()
        # Without our lock: the machine takes its own, and nobody holds two.
        if mine:
            self._give_back()

    def store(self, offset: int, folio: PagesLike) -> bool:
        """
        Store a folio at the swap offsets from *offset* on, whole or not at all.

        Returns:
            False: rejected; nothing is kept of it, nor of what was there before.

        Raises:
            ValueError: no page, more than 512, a size no multiple of 4096, or an
                offset below 0 or above what a swap entry holds.
        """
        pages = as_pages(folio)
        if not 0 < len(pages) <= MAX_FOLIO_PAGES:
            raise ValueError(
                f"folio: {len(pages)} pages, must be 1 to {MAX_FOLIO_PAGES}"
            )
        if operator.index(offset) not in range(len(OFFSETS) - len(pages) + 1):
            raise ValueError(
                f"offset: {offset}, must be 0 to {len(OFFSETS) - len(pages)}"
            )
        with uninterrupted(), self._submitter.turn:
            self._check_open()
            self._frames.array[: len(pages)] = pages
            return self._zswap.store(self._frames, [Folio(offset, 0, len(pages))])[0]

    def load(self, offset: int) -> bytes:
        """
        Give the page at *offset*, 4096 bytes.

        Raises:
            NotStoredError: none is stored there.
            LoadError: it could not be decompressed, or came back different; it is
                still stored.
        """
        if operator.index(offset) not in OFFSETS:
            raise NotStoredError(f"swap offset {offset}: no page is stored there")
        with uninterrupted(), self._submitter.turn:
            self._check_open()
            self._zswap.load(offset, self._frames, 0)
            page: bytes = self._frames.array[0].tobytes()
            return page

    def invalidate(self, offset: int) -> bool:
        """Forget the page at *offset*; False if none was stored there."""
        with uninterrupted(), self._submitter.turn:
            self._check_open()
            return self._zswap.invalidate(offset)

    def __contains__(self, offset: int) -> bool:
        """Tell whether a page is stored at *offset*."""
        with uninterrupted(), self._submitter.turn:
            self._check_open()
            return offset in self._zswap

    def __len__(self) -> int:
        """Give the number of stored pages."""
        with uninterrupted(), self._submitter.turn:
            self._check_open()
            return len(self._zswap)

    def stats(self) -> ZswapStats:
        """Give the counters; fields are named as in the JSON of a stress run."""
        with self._submitter.turn:
            return self._zswap.stats()

    def _check_open(self) -> None:
        """Refuse to work after the end."""
        if self._closed:
            raise ClosedError(f"page store of CPU {self._submitter.config.cpu}: closed")
        self._submitter.check_open()


def choose_settings(
    settings: ZswapSettings, changes: dict[str, object]
) -> ZswapSettings:
    """
    Give *settings* with *changes*.

    Raises:
        InputError: a change is unknown, out of its range, or of no use here.
    """
    for name, value in changes.items():
        if name in NOT_OF_A_STORE:
            raise InputError(f"{name}: {value!r}: is the machine's or reclaim's")
    plain = msgspec.to_builtins(settings) | STORE_SETTINGS | changes
    with explained(ZswapSettings, plain):
        return msgspec.convert(plain, ZswapSettings)


def nr_buffers(settings: ZswapSettings) -> int:
    """Give the buffers that the requests of a zswap take."""
    return Shape.of(
        settings.batching, settings.batch_size, settings.nr_sub_batches
    ).nr_pages
