"""zswap beside a dict: what was stored, rejected, loaded and forgotten."""

import errno
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpzswap.errors import LoadError, NotStoredError
from mpzswap.topology.settings import ZswapSettings
from mpzswap.zswap.stats import ZswapStats
from mpzswap.zswap.store import Folio
from tests.tools.zswap_rig import SAME, ZERO, Rig, noise, text

# Few offsets, so that stores meet what is stored; few frames, so that it is quick.
NR_OFFSETS = 48
NR_FRAMES = 64
ERRORS = (-errno.ENOSPC, -errno.E2BIG, -errno.ETIMEDOUT, -errno.ENODEV)

Kind = Literal["zero", "same", "text", "noise"]
MAKERS: dict[Kind, Callable[[int], bytes]] = {
    "zero": lambda _: ZERO,
    "same": lambda _: SAME,
    "text": text,
    "noise": noise,
}


class StoreStep(NamedTuple):
    """Store folios of these sizes; the kinds of pages and the errors go round."""

    sizes: list[int]
    first_offset: int
    kinds: list[Kind]
    # By frame.
    errors: dict[int, int]


class LoadStep(NamedTuple):
    """Load these of the stored pages, counted round, and perhaps one that is not."""

    places: list[int]
    # By the place in the list.
    errors: dict[int, int]
    absent: int | None = None


class InvalidateStep(NamedTuple):
    """Forget what is at an offset."""

    offset: int


Step = StoreStep | LoadStep | InvalidateStep

offsets = st.integers(0, NR_OFFSETS - 1)
# Mostly pages that compress, as in life.
kinds: st.SearchStrategy[Kind] = st.sampled_from(
    ["text", "text", "text", "zero", "same", "noise"]
)
errors = st.dictionaries(
    st.integers(0, NR_FRAMES // 2), st.sampled_from(ERRORS), max_size=2
)
steps = st.lists(
    st.one_of(
        st.builds(
            StoreStep,
            st.lists(st.sampled_from([1, 1, 4, 16]), max_size=3),
            offsets,
            st.lists(kinds, min_size=1, max_size=7),
            errors,
        ),
        st.builds(
            LoadStep,
            st.lists(offsets, max_size=20, unique=True),
            errors,
            st.one_of(st.none(), st.none(), offsets),
        ),
        st.builds(InvalidateStep, offsets),
    ),
    max_size=12,
)


class Model:
    """A dict of pages, and a zswap that must agree with it after each step."""

    def __init__(self, options: ZswapSettings, seed: int) -> None:
        self.options = options
        self.rig = Rig(options, seed=seed)
        # Page, and whether a device is needed to load it.
        self.stored: dict[int, tuple[bytes, bool]] = {}
        self.seeds = itertools.count()
        self.loaded = 0

    def do(self, step: Step) -> None:
        """Do one step in both and compare."""
        match step:
            case StoreStep():
                self.store(step)
            case LoadStep():
                self.load(step)
            case InvalidateStep(offset):
                known = self.stored.pop(offset, None) is not None
                assert self.rig.zswap.invalidate(offset) == known
        self.compare()

    def store(self, step: StoreStep) -> None:
        """Store folios side by side; expect each to be kept or rejected."""
        folios = list(self.place(step))
        nr_pages = sum(folio.nr_pages for folio in folios)
        kinds = list(itertools.islice(itertools.cycle(step.kinds), nr_pages))
        pages = [MAKERS[kind](next(self.seeds)) for kind in kinds]
        self.rig.fill(pages)
        self.rig.fake.compress_errors = step.errors
        expected = []
        for folio in folios:
            span = range(folio.frame, folio.frame + folio.nr_pages)
            raw = {
                index
                for index in span
                if kinds[index] == "noise"
                or (kinds[index] == "text" and index in step.errors)
            }
            kept = self.options.writeback or not raw
            expected.append(kept)
            for offset, index in enumerate(span, folio.swap_offset):
                self.stored.pop(offset, None)
                if kept:
                    packed = kinds[index] == "text" and index not in raw
                    self.stored[offset] = pages[index], packed

        assert self.rig.zswap.store(self.rig.frames, folios) == expected

    @staticmethod
    def place(step: StoreStep) -> Iterator[Folio]:
        """Give the step's folios, side by side; those past the end are left out."""
        frame, offset = 0, step.first_offset
        for size in step.sizes:
            if offset + size <= NR_OFFSETS:
                yield Folio(offset, frame, size)
            frame, offset = frame + size, offset + size

    def load(self, step: LoadStep) -> None:
        """Load pages; what is absent stops it all, what fails stays."""
        known = sorted(self.stored)
        picked = (known[place % len(known)] for place in step.places if known)
        wanted = list(dict.fromkeys(picked))
        if step.absent is not None and step.absent not in wanted:
            wanted.append(step.absent)
        frames = range(NR_FRAMES, NR_FRAMES + len(wanted))
        self.rig.fake.decompress_errors = {
            NR_FRAMES + place: error for place, error in step.errors.items()
        }
        if any(offset not in self.stored for offset in wanted):
            with pytest.raises(NotStoredError):
                self.rig.zswap.load_many(wanted, self.rig.frames, frames)
            return
        failures = {
            offset: step.errors[place]
            for place, offset in enumerate(wanted)
            if place in step.errors and self.stored[offset][1]
        }
        assert self.load_many(wanted, frames) == failures
        for offset, frame in zip(wanted, frames, strict=True):
            if offset not in failures:
                assert self.rig.frames.views[frame] == self.stored[offset][0]
                self.loaded += 1
                if self.options.exclusive_loads:
                    del self.stored[offset]

    def load_many(self, wanted: Sequence[int], frames: range) -> dict[int, int]:
        """Load pages and give those that failed."""
        try:
            self.rig.zswap.load_many(wanted, self.rig.frames, frames)
        except LoadError as error:
            return error.failures
        return {}

    def compare(self) -> None:
        """See that both have the same pages, and that the books balance."""
        zswap = self.rig.zswap
        stats = zswap.stats()

        assert {each for each in range(NR_OFFSETS) if each in zswap} == set(self.stored)
        assert len(zswap) == stats.stored_pages == len(self.stored)
        assert stats.zswpin == self.loaded
        assert stats.pages_out == stats.zswpout + stats.rejected_pages
        assert stats.zswpout == (
            stats.compressed_out + stats.same_filled_out + stats.incompressible_out
        )
        assert self.rig.words[0] * 4096 == stats.pool_total_size
        assert stats.same_filled_pages == sum(
            page in {ZERO, SAME} for page, _ in self.stored.values()
        )

    def finish(self) -> ZswapStats:
        """Load and forget all that is left; give the last stats."""
        self.do(LoadStep(list(range(NR_OFFSETS)), {}))
        for offset in range(NR_OFFSETS):
            self.do(InvalidateStep(offset))
        return self.rig.zswap.stats()


@pytest.mark.parametrize("batching", ["off", "requests", "driver"])
@pytest.mark.parametrize("exclusive_loads", [False, True])
@pytest.mark.parametrize("writeback", [False, True])
@given(steps=steps, seed=st.integers(0, 999))
@settings(max_examples=50, deadline=None)
def test_zswap_behaves_as_a_dict(
    batching: Literal["off", "requests", "driver"],
    *,
    exclusive_loads: bool,
    writeback: bool,
    steps: list[Step],
    seed: int,
) -> None:
    """Whatever is done, and in whatever order devices answer, no page is lost."""
    options = ZswapSettings(
        batching=batching, exclusive_loads=exclusive_loads, writeback=writeback
    )
    model = Model(options, seed)
    for step in steps:
        model.do(step)
    stats = model.finish()

    assert (stats.stored_pages, stats.pool_total_size) == (0, 0)
    assert stats.stored_incompressible_pages == 0
