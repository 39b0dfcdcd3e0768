"""A zswap over the fake transform, with pages of each kind to store."""

import os
import random
import weakref
from collections.abc import Callable, Iterable, Sequence

from mpzswap.acomp.checksum import checksum
from mpzswap.acomp.request import Acomp
from mpzswap.clock.work import WorkClock
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.limit import PoolLimit
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_areas import SwapAreas
from mpzswap.zswap.swap_file import SwapFile, SwapPage
from mpzswap.zswap.zswap import Zswap
from tests.tools.fake_acomp import FakeAcomp, plain_frames
from tests.tools.manual_clock import ManualClock

ZERO = bytes(PAGE_SIZE)
SAME = b"mpzswap!" * (PAGE_SIZE // 8)


def text(seed: int) -> bytes:
    """Give a page that compresses, unlike that of any other seed."""
    # Nine letters: no pattern of 8 bytes, which would be same-filled.
    return (f"page{seed:04} " * 456).encode()[:PAGE_SIZE]


def noise(seed: int) -> bytes:
    """Give a page that does not compress."""
    return random.Random(seed).randbytes(PAGE_SIZE)


def swap_page(entry: int, page: bytes) -> SwapPage:
    """Give a page as a swap file takes it, with the checksum that it has now."""
    return entry, memoryview(page), checksum(page)


class TickingClock(ManualClock):
    """A clock that goes on by 100 ns each time it is asked."""

    def now_ns(self) -> int:
        """Give the time, and let some pass."""
        self.ns += 100
        return self.ns


def pool_words(count: int = 1) -> memoryview:
    """Give the words that a pool of *count* CPUs is counted in."""
    return memoryview(bytearray(8 * count)).cast("Q")


class Disk(SwapFile):
    """
    A swap file in memory, on a disk with room for *room_pages* more writes.

    What is past it is written in part, as by the last write to a real disk.
    """

    def __init__(self, max_pages: int = 10_000, room_pages: int = 10_000) -> None:
        super().__init__(os.memfd_create("disk"), max_pages)
        self.room_pages = room_pages

    def _write(self, number: int, views: list[memoryview]) -> int:
        """Write as many pages as there is room for."""
        views = views[: self.room_pages]
        self.room_pages -= len(views)
        return super()._write(number, views) if views else 0

    def damage(self, offset: int) -> None:
        """Turn one bit of the page at *offset*."""
        place = self.slots[offset].number * PAGE_SIZE + 1234
        (byte,) = os.pread(self._fd, 1, place)
        os.pwrite(self._fd, bytes([byte ^ 4]), place)


def let_fail(rig: "Rig", may_fail: Callable[[int], None]) -> None:
    """Let the allocator of a zswap ask *may_fail* for each object, by its size."""
    zsmalloc = rig.zswap._entries.zsmalloc
    plain = zsmalloc.alloc

    def alloc(size: int) -> int:
        may_fail(size)
        return plain(size)

    def put_many(
        data: Iterable[memoryview], lengths: Iterable[int], handles: list[int]
    ) -> None:
        for view, length in zip(data, lengths, strict=False):
            handles.append(alloc(length))
            zsmalloc.write(handles[-1], view[:length])

    zsmalloc.alloc = alloc  # type: ignore[method-assign]  # a fault
    zsmalloc.put_many = put_many  # type: ignore[method-assign]  # a fault


class Rig:
    """
    A zswap, its transform and its frames.

    Frames 0 to 63 are for pages to store, 64 to 127 for those that are loaded; those
    from 128 on, which the transform reaches too, for pages that are written back.
    """

    def __init__(
        self,
        settings: ZswapSettings | None = None,
        *,
        max_pages: int = 10_000,
        seed: int = 0,
        acomp: Acomp | None = None,
        swap: SwapFile | Sequence[SwapFile] | None = None,
    ) -> None:
        frames = plain_frames(160)
        self.frames = frames.part(0, 128)
        self.fake = FakeAcomp(frames, random.Random(seed))
        areas = None
        if swap is not None:
            files = [swap] if isinstance(swap, SwapFile) else swap
            areas = SwapAreas(files, frames.part(128, 32), turn_pages=1)
            weakref.finalize(self, areas.close)
        self.words = pool_words()
        self.limit = PoolLimit(self.words, 0, max_pages)
        self.zswap = Zswap(
            settings or ZswapSettings(),
            acomp or self.fake,
            self.limit,
            WorkClock(),
            areas,
        )

    def fill(self, pages: Sequence[bytes], first: int = 0) -> None:
        """Put *pages* into the frames from *first* on."""
        for index, page in enumerate(pages, first):
            self.frames.views[index][:] = page

    def store(self, pages: Sequence[bytes], swap_offset: int = 0) -> bool:
        """Store *pages* as one folio, from frame 0."""
        self.fill(pages)
        return self.zswap.store(self.frames, [Folio(swap_offset, 0, len(pages))])[0]

    def load(self, swap_offset: int) -> bytes:
        """Load a page into frame 64 and give it."""
        self.frames.views[64][:] = b"\xee" * PAGE_SIZE
        self.zswap.load(swap_offset, self.frames, 64)
        return self.frames.views[64].tobytes()
