"""A folio with one page that cannot be stored leaves no trace in the pool."""

import errno
from collections.abc import Callable
from typing import NamedTuple

import pytest

from mpzswap.acomp.request import Request
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.store import Folio
from tests.tools.zswap_rig import SAME, ZERO, Disk, Rig, noise, text

NR_PAGES = 16
# Where the bad page is: first, last of a sub-batch, first of the next, last.
BAD = (0, 7, 8, 15)

Broken = Callable[[Rig, int], None]


class Trace(NamedTuple):
    """What is in a pool: each entry, its bytes, in LRU order, and the memory."""

    entries: list[tuple[int, int, bytes, bool]]
    pages: int
    published: int
    same_filled: int
    incompressible: int
    charged_bytes: int
    in_swap: list[int]


def trace(rig: Rig) -> Trace:
    """Look at all of a pool."""
    entries, swap = rig.zswap._entries, rig.zswap._swap
    view = entries.zsmalloc.view
    return Trace(
        [
            (
                offset,
                entry.length,
                bytes(view(entry.handle, entry.length)) if entry.length else ZERO,
                entry.referenced,
            )
            for offset, entry in entries.by_offset.items()
        ],
        entries.zsmalloc.nr_pages,
        rig.words[0],
        entries.same_filled,
        entries.incompressible,
        entries.charged_bytes,
        [] if swap is None else [slot for file in swap.files for slot in file.slots],
    )


def compress_error(rig: Rig, bad: int) -> None:
    """Let the device time out on one page."""
    rig.fake.compress_errors = {bad: -errno.ETIMEDOUT}


def incompressible(rig: Rig, bad: int) -> None:
    """Let one page be noise."""
    rig.frames.views[bad][:] = noise(bad)


def no_memory(rig: Rig, bad: int) -> None:
    """Let the allocator have nothing from one page on; page 0 is same-filled."""
    alloc, calls = rig.zswap._entries.zsmalloc.alloc, [0]

    def failing(size: int) -> int:
        calls[0] += 1
        if calls[0] >= max(1, bad):
            raise MemoryError(size)
        return alloc(size)

    rig.zswap._entries.zsmalloc.alloc = failing  # type: ignore[method-assign]  # a fault


def broken_submit(rig: Rig, bad: int) -> None:
    """Let the transform raise when it is given the sub-batch of one page."""
    compress = rig.fake.compress

    def failing(request: Request) -> int:
        if rig.frames.address_of(bad) in request.pages:
            raise OSError(errno.EIO, "transform")
        return compress(request)

    rig.fake.compress = failing  # type: ignore[method-assign]  # a fault


FAULTS = [compress_error, incompressible, no_memory, broken_submit]


def rig_with_pages() -> Rig:
    """Give a zswap with pages of each kind, in the pool and in swap."""
    rig = Rig(ZswapSettings(writeback=False), swap=Disk())
    rig.store([text(1), ZERO, text(2), SAME, *(text(n) for n in range(3, 20))], 100)
    return rig


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("fault", FAULTS)
def test_failed_folio_leaves_no_trace(fault: Broken, bad: int) -> None:
    """Bytes, entries, their order and the pool's size are as before."""
    rig = rig_with_pages()
    rig.fill([ZERO, *(text(50 + n) for n in range(NR_PAGES - 1))])
    before = trace(rig)
    if bad == 0:
        rig.frames.views[0][:] = text(49)
    fault(rig, bad)

    if fault is broken_submit:
        with pytest.raises(OSError, match="transform"):
            rig.zswap.store(rig.frames, [Folio(0, 0, NR_PAGES)])
    else:
        assert rig.zswap.store(rig.frames, [Folio(0, 0, NR_PAGES)]) == [False]

    assert trace(rig) == before
    assert rig.zswap.stats().rejected_pages == NR_PAGES


def test_folio_for_which_the_pool_got_full_leaves_no_trace() -> None:
    """The limit is reached within a batch: it is as if only the first had come."""
    traces = []
    for count in (1, 2):
        rig = Rig(ZswapSettings(batching="off"), max_pages=12, swap=Disk())
        rig.store([noise(n) for n in range(8)], 100)
        rig.fill([noise(n) for n in range(20, 28)])
        folios = [Folio(0, 0, 4), Folio(8, 4, 4)]
        stored = rig.zswap.store(rig.frames, folios[:count])
        assert stored == [True, False][:count]
        traces.append(trace(rig))

    assert traces[0] == traces[1]
