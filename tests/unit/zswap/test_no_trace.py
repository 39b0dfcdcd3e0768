"""A folio with one page that cannot be stored leaves no trace in the pool."""

import errno
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from mpzswap.acomp.request import Request
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_out import SwappedTo
from tests.tools.zswap_rig import SAME, ZERO, Disk, Rig, let_fail, noise, text

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


def timeout(rig: Rig, bad: int) -> None:
    """Let the device time out on one page."""
    rig.fake.compress_errors = {bad: -errno.ETIMEDOUT}


def no_queue(rig: Rig, bad: int) -> None:
    """Let the driver find no queue with room for one page."""
    rig.fake.compress_errors = {bad: -errno.ENODEV}


def compress_error(rig: Rig, bad: int) -> None:
    """Let the device refuse one page."""
    rig.fake.compress_errors = {bad: -errno.EINVAL}


def incompressible(rig: Rig, bad: int) -> None:
    """Let one page be noise."""
    rig.frames.views[bad][:] = noise(bad)


def no_memory(rig: Rig, bad: int) -> None:
    """Let the allocator have nothing from one page on; page 0 is same-filled."""
    calls = [0]

    def may_fail(size: int) -> None:
        calls[0] += 1
        if calls[0] >= max(1, bad):
            raise MemoryError(size)

    let_fail(rig, may_fail)


def broken_submit(rig: Rig, bad: int) -> None:
    """Let the transform raise when it is given the sub-batch of one page."""
    compress = rig.fake.compress

    def failing(request: Request) -> int:
        if rig.frames.address_of(bad) in request.pages:
            raise OSError(errno.EIO, "transform")
        return compress(request)

    rig.fake.compress = failing  # type: ignore[method-assign]  # a fault


def interrupted(rig: Rig, bad: int) -> None:
    """Let Ctrl-C come when the sub-batch of one page is polled."""
    poll, pause = rig.fake.poll, rig.fake.pause

    def check(request: Request) -> None:
        if rig.frames.address_of(bad) in request.pages:
            rig.fake.poll = poll  # type: ignore[method-assign]  # a fault
            rig.fake.pause = pause  # type: ignore[method-assign]  # a fault
            raise KeyboardInterrupt

    def poll_until(request: Request) -> int:
        check(request)
        return poll(request)

    def pause_until(requests: Sequence[Request]) -> None:
        for request in requests:
            check(request)
        pause(requests)

    rig.fake.poll = poll_until  # type: ignore[method-assign]  # a fault
    rig.fake.pause = pause_until  # type: ignore[method-assign]  # a fault


# After these the store goes on with other folios; after those it ends.
REJECTS = [timeout, no_queue, compress_error, incompressible, no_memory]
ENDS = [broken_submit, interrupted]


def rig_with_pages() -> Rig:
    """Give a zswap with pages of each kind, in the pool and in swap."""
    rig = Rig(ZswapSettings(writeback=False), swap=Disk())
    rig.store([text(1), ZERO, text(2), SAME, *(text(n) for n in range(3, 20))], 100)
    return rig


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("fault", REJECTS + ENDS)
def test_failed_folio_leaves_no_trace(fault: Broken, bad: int) -> None:
    """Bytes, entries, their order and the pool's size are as before."""
    rig = rig_with_pages()
    rig.fill([ZERO, *(text(50 + n) for n in range(NR_PAGES - 1))])
    before = trace(rig)
    if bad == 0:
        rig.frames.views[0][:] = text(49)
    fault(rig, bad)

    if fault in ENDS:
        with pytest.raises((OSError, KeyboardInterrupt)):
            rig.zswap.store(rig.frames, [Folio(0, 0, NR_PAGES)])
    else:
        assert rig.zswap.store(rig.frames, [Folio(0, 0, NR_PAGES)]) == [False]

    assert trace(rig) == before
    assert rig.zswap.stats().rejected_pages == NR_PAGES


def test_folio_for_which_the_pool_got_full_leaves_no_trace() -> None:
    """The limit is reached within a batch: it is as if only the first had come."""
    traces = []
    for count in (1, 2):
        rig = Rig(
            ZswapSettings(batching="off", shrinker_enabled=False),
            max_pages=12,
            swap=Disk(),
        )
        rig.store([noise(n) for n in range(8)], 100)
        rig.fill([noise(n) for n in range(20, 28)])
        folios = [Folio(0, 0, 4), Folio(8, 4, 4)]
        stored = rig.zswap.store(rig.frames, folios[:count])
        assert stored == [True, False][:count]
        traces.append(trace(rig))

    assert traces[0] == traces[1]


def kept(rig: Rig) -> tuple[int, dict[int, bytes]]:
    """Give the bytes that a pool is charged, and each entry's, by offset."""
    found = trace(rig)
    assert found.pages == found.published
    return found.charged_bytes, {offset: data for offset, _, data, _ in found.entries}


def no_memory_for_one(rig: Rig, bad: int) -> None:
    """Let the allocator have nothing for one page, by its size."""
    rig.frames.views[bad][:] = noise(bad)[:2048] + bytes(2048)

    def may_fail(size: int) -> None:
        if size > 1024:
            raise MemoryError(size)

    let_fail(rig, may_fail)


@pytest.mark.parametrize("bad", [16, 23, 31])
@pytest.mark.parametrize(
    "fault", [timeout, no_queue, compress_error, incompressible, no_memory_for_one]
)
@pytest.mark.parametrize("batching", ["off", "requests", "driver"])
def test_failed_folio_leaves_the_others_of_its_batch(
    batching: str, fault: Broken, bad: int
) -> None:
    """Of three folios the second fails: it is as if only the others had come."""
    settings = ZswapSettings(batching=batching, batch_size=5, writeback=False)  # type: ignore[arg-type]  # a mode
    folios = [Folio(200, 0, 16), Folio(300, 16, 16), Folio(400, 32, 16)]
    rig, other = Rig(settings), Rig(settings)
    for each in (rig, other):
        each.fill([text(n) for n in range(48)])
    fault(rig, bad)

    assert rig.zswap.store(rig.frames, folios) == [True, False, True]
    assert other.zswap.store(other.frames, folios[::2]) == [True, True]
    assert kept(rig) == kept(other)


@pytest.mark.parametrize("fault", ENDS)
def test_store_that_ends_leaves_no_folio_of_its_batch(fault: Broken) -> None:
    """Nobody is told of any; what was stored by others stays."""
    rig = rig_with_pages()
    before = trace(rig)
    rig.fill([text(50 + n) for n in range(48)])
    fault(rig, 20)
    folios = [Folio(200, 0, 16), Folio(300, 16, 16), Folio(400, 32, 16)]
    with pytest.raises((OSError, KeyboardInterrupt)):
        rig.zswap.store(rig.frames, folios)

    assert trace(rig) == before
    assert rig.zswap.stats().rejected_pages == 48


def test_folio_for_which_the_pool_was_full_leaves_no_trace() -> None:
    """The limit was reached before it came."""
    rig = rig_with_pages()
    rig.limit.max_pages = 1
    before = trace(rig)

    assert not rig.store([text(50 + n) for n in range(NR_PAGES)])
    assert trace(rig) == before


@pytest.mark.parametrize(("max_pages", "room_pages"), [(19, 1000), (1000, 7), (4, 0)])
def test_folio_that_the_swap_file_cannot_take_leaves_no_trace(
    max_pages: int, room_pages: int
) -> None:
    """Rejected by a full pool, then by a file or a disk that is nearly full."""
    disk = Disk(max_pages)
    rig = Rig(ZswapSettings(shrinker_enabled=False), swap=disk)
    rig.store([text(n) for n in range(20)], 100)
    rig.zswap.write_back(4)
    disk.room_pages = room_pages
    rig.limit.max_pages = 1
    rig.fill([text(50 + n) for n in range(NR_PAGES)])
    before = trace(rig)

    folios = [Folio(0, 0, NR_PAGES)]
    assert rig.zswap.swap_out(rig.frames, folios) == [SwappedTo.NONE]
    assert trace(rig) == before
    assert rig.zswap.stats().swap_write_fail == NR_PAGES
