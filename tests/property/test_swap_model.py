"""Swap-out beside a dict: a small pool, a shrinker, a swap file on a bad disk."""

import errno
import itertools
from typing import Literal, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpzswap.acomp.checksum import EBADMSG
from mpzswap.errors import LoadError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.entry import SAME_FILLED
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_out import SwappedTo
from tests.tools.zswap_rig import SAME, ZERO, Disk, Rig, noise, text

NR_OFFSETS = 64
NR_FRAMES = 64
# Frames that pages are decompressed into: to be loaded, to be written back.
LOADED, WRITTEN_BACK = range(64, 128), range(128, 160)

MAKERS = (lambda _: ZERO, lambda _: SAME, text, text, noise, noise)


class SwapOutStep(NamedTuple):
    """
    Swap folios of these sizes out, side by side; the makers of pages go round.

    Frames in *lost* are compressed into something else, and nobody says so.
    """

    sizes: list[int]
    first_offset: int
    makers: list[int]
    # Frames whose compression fails.
    broken: set[int]
    lost: set[int]


class LoadStep(NamedTuple):
    """Load these of the pages that were accepted, counted round."""

    places: list[int]


class InvalidateStep(NamedTuple):
    """Forget what is at an offset."""

    offset: int


class WriteBackStep(NamedTuple):
    """Write so many pages back, asked by somebody."""

    nr_pages: int


class DiskStep(NamedTuple):
    """From now on the disk takes so many pages."""

    room_pages: int


class BreakStep(NamedTuple):
    """From now on decompression into these frames fails, or gives another page."""

    frames: set[int]
    wrong: set[int]


Step = SwapOutStep | LoadStep | InvalidateStep | WriteBackStep | DiskStep | BreakStep

offsets = st.integers(0, NR_OFFSETS - 1)
swap_outs = st.builds(
    SwapOutStep,
    st.lists(st.sampled_from([1, 4, 4, 16]), min_size=1, max_size=4),
    offsets,
    st.lists(st.integers(0, len(MAKERS) - 1), min_size=1, max_size=7),
    st.sets(st.integers(0, NR_FRAMES - 1), max_size=2),
    st.sets(st.integers(0, NR_FRAMES - 1), max_size=2),
)
some_frames = st.sets(st.sampled_from([*LOADED[:4], *WRITTEN_BACK[:4]]), max_size=3)
steps = st.lists(
    st.one_of(
        swap_outs,
        swap_outs,
        st.builds(LoadStep, st.lists(offsets, max_size=20)),
        st.builds(InvalidateStep, offsets),
        st.builds(WriteBackStep, st.integers(0, 40)),
        st.builds(DiskStep, st.sampled_from([0, 2, 6, 40, 1000])),
        st.builds(BreakStep, some_frames, some_frames),
    ),
    min_size=4,
    max_size=20,
)


class Model:
    """A dict of the pages that were accepted, and a zswap that must have them."""

    def __init__(self, options: ZswapSettings, seed: int) -> None:
        self.options = options
        self.disk = Disk(max_pages=40)
        self.rig = Rig(options, max_pages=6, seed=seed, swap=self.disk)
        self.accepted: dict[int, bytes] = {}
        # Of these, those whose bytes are gone, though nobody knows yet.
        self.lost: set[int] = set()
        self.seeds = itertools.count()
        self.loaded = 0
        # Pages of folios by where they went.
        self.went = dict.fromkeys(SwappedTo, 0)

    def do(self, step: Step) -> None:
        """Do one step in both and compare."""
        match step:
            case SwapOutStep():
                self.swap_out(step)
            case LoadStep(places):
                offsets = sorted(self.accepted)
                picked = (offsets[place % len(offsets)] for place in places if offsets)
                self.load(list(dict.fromkeys(picked)))
            case InvalidateStep(offset):
                known = self.accepted.pop(offset, None) is not None
                assert self.rig.zswap.invalidate(offset) == known
            case WriteBackStep(nr_pages):
                assert self.rig.zswap.write_back(nr_pages) <= nr_pages
            case DiskStep(room_pages):
                self.disk.room_pages = room_pages
            case BreakStep(frames, wrong):
                errors = dict.fromkeys(frames, -errno.EIO)
                self.rig.fake.decompress_errors = errors
                self.rig.fake.wrong_decompress = wrong
        self.compare()

    def swap_out(self, step: SwapOutStep) -> None:
        """Swap folios out; whatever is said to be somewhere must be there."""
        folios, frame = [], 0
        for size in step.sizes:
            if step.first_offset + frame + size <= NR_OFFSETS:
                folios.append(Folio(step.first_offset + frame, frame, size))
                frame += size
        makers = itertools.islice(itertools.cycle(step.makers), frame)
        pages = [MAKERS[maker](next(self.seeds)) for maker in makers]
        self.rig.fill(pages)
        self.rig.fake.compress_errors = dict.fromkeys(step.broken, -errno.ETIMEDOUT)
        self.rig.fake.wrong_compress = step.lost
        went = self.rig.zswap.swap_out(self.rig.frames, folios)
        for folio, where in zip(folios, went, strict=True):
            self.went[where] += folio.nr_pages
            for index in range(folio.nr_pages):
                offset = folio.swap_offset + index
                self.accepted.pop(offset, None)
                self.lost.discard(offset)
                if where:
                    self.accepted[offset] = pages[folio.frame + index]
                if folio.frame + index in step.lost and self.is_compressed(offset):
                    self.lost.add(offset)
        for index, page in enumerate(pages):
            assert self.rig.frames.views[index] == page

    def is_compressed(self, offset: int) -> bool:
        """Tell whether a device had the page that is stored at *offset*."""
        entry = self.rig.zswap._entries.by_offset.get(offset)
        return entry is not None and SAME_FILLED < entry.length < PAGE_SIZE

    def load(self, wanted: list[int]) -> None:
        """Load pages; those that fail must still be there, the rest be right."""
        frames = LOADED[: len(wanted)]
        failures: dict[int, int] = {}
        try:
            self.rig.zswap.load_many(wanted, self.rig.frames, frames)
        except LoadError as error:
            failures = error.failures
        for offset, frame in zip(wanted, frames, strict=True):
            if offset in failures:
                broken = frame in self.rig.fake.decompress_errors
                assert broken or (offset in self.lost and failures[offset] == EBADMSG)
                continue
            assert self.rig.frames.views[frame] == self.accepted[offset]
            self.loaded += 1
            if self.options.exclusive_loads:
                del self.accepted[offset]

    def compare(self) -> None:
        """See that each accepted page is in one place, and that the books balance."""
        zswap, stats = self.rig.zswap, self.rig.zswap.stats()
        entries, slots = set(zswap._entries.by_offset), set(self.disk.slots)

        assert not entries & slots
        assert entries | slots == set(self.accepted)
        assert all(offset in zswap for offset in self.accepted)
        assert len(zswap) == stats.stored_pages + stats.swap_pages
        assert stats.zswpin + stats.pswpin == self.loaded
        assert stats.pages_out == stats.zswpout + stats.rejected_pages
        assert stats.pages_out == sum(self.went.values())
        assert stats.zswpout == self.went[SwappedTo.ZSWAP]
        assert stats.pswpout == stats.written_back_pages + self.went[SwappedTo.SWAP]
        assert self.rig.words[0] * 4096 == stats.pool_total_size
        lengths = (entry.length for entry in zswap._entries.by_offset.values())
        assert zswap.charged_bytes == sum(lengths)

    def finish(self) -> None:
        """Load all that is left, with nothing broken; then all must be free."""
        self.do(BreakStep(set(), set()))
        self.load(sorted(self.accepted))
        for offset in range(NR_OFFSETS):
            self.do(InvalidateStep(offset))
        stats = self.rig.zswap.stats()
        assert (stats.pool_total_size, stats.same_filled_pages) == (0, 0)
        assert self.rig.zswap.charged_bytes == 0
        assert self.disk.space_left == 40
        self.rig.zswap.close()


@pytest.mark.parametrize("batching", ["off", "requests", "driver"])
@pytest.mark.parametrize("exclusive_loads", [False, True])
@pytest.mark.parametrize("shrinker_enabled", [False, True])
@given(steps=steps, seed=st.integers(0, 999))
@settings(max_examples=50, deadline=None)
def test_accepted_page_comes_back(
    batching: Literal["off", "requests", "driver"],
    *,
    exclusive_loads: bool,
    shrinker_enabled: bool,
    steps: list[Step],
    seed: int,
) -> None:
    """Whatever is full or fails, a page is where it was said to be, or refused."""
    options = ZswapSettings(
        batching=batching,
        exclusive_loads=exclusive_loads,
        shrinker_enabled=shrinker_enabled,
    )
    model = Model(options, seed)
    for step in steps:
        model.do(step)
    model.finish()
