"""The reclaim plug: which folios go out together, and what is known of each."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpzswap.zswap.reclaim_plug import PMD_PAGES, PlugStats, ReclaimPlug
from mpzswap.zswap.store import Folio
from mpzswap.zswap.swap_entry import swp_entry, swp_type
from mpzswap.zswap.swap_out import SwappedTo


class Taker:
    """Takes batches of folios, and fails when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[Folio]] = []
        self.fail_at = -1

    def swap_out(self, folios: Sequence[Folio]) -> list[SwappedTo]:
        """Take a batch; the last of it stays, the others go to zswap."""
        if len(self.batches) == self.fail_at:
            raise KeyboardInterrupt
        self.batches.append(list(folios))
        return [SwappedTo.ZSWAP] * (len(folios) - 1) + [SwappedTo.NONE]

    @property
    def frames(self) -> list[list[int]]:
        """Give the frames of each batch."""
        return [[folio.frame for folio in batch] for batch in self.batches]


# A folio to add: swap area, node, pages.
Wanted = tuple[int, int, int]


def plug_with(
    taker: Taker, folios: Sequence[Wanted], batchsize: int = 32
) -> ReclaimPlug:
    """Add folios, numbered by their frames, and end the list."""
    plug = ReclaimPlug(taker.swap_out, batchsize, PlugStats())
    for frame, (area, node, nr_pages) in enumerate(folios):
        plug.add(Folio(swp_entry(area, frame), frame, nr_pages), node)
    plug.finish()
    return plug


def test_full_plug_is_handed_over() -> None:
    """At vm.compress-batchsize; the rest goes with the end of the list."""
    taker = Taker()
    plug = plug_with(taker, [(0, 0, 16)] * 5, batchsize=2)

    assert taker.frames == [[0, 1], [2, 3], [4]]
    assert plug.stats == PlugStats(batches=3, folios=5, full=2, list_end=1)


def test_batchsize_of_1_is_no_batching() -> None:
    """Each folio goes at once, whatever comes next."""
    taker = Taker()
    plug = plug_with(taker, [(0, 0, 1), (1, 0, 1), (1, 1, 16)], batchsize=1)

    assert taker.frames == [[0], [1], [2]]
    assert plug.stats == PlugStats(batches=3, folios=3, full=3)


def test_folio_of_another_swap_area_ends_a_batch() -> None:
    """A batch is for one swap area."""
    taker = Taker()
    plug = plug_with(taker, [(0, 0, 1), (0, 0, 1), (1, 0, 1), (0, 0, 1)])

    assert taker.frames == [[0, 1], [2], [3]]
    assert plug.stats == PlugStats(batches=3, folios=4, swap_area=2, list_end=1)


def test_folio_of_another_node_ends_a_batch() -> None:
    """A batch is of one node."""
    taker = Taker()
    plug = plug_with(taker, [(0, 0, 1), (0, 1, 1), (0, 1, 1), (1, 0, 1)])

    assert taker.frames == [[0], [1, 2], [3]]
    assert plug.stats == PlugStats(batches=3, folios=4, node=1, swap_area=1, list_end=1)


def test_pmd_goes_by_itself() -> None:
    """What is held goes first, and what comes after begins a batch."""
    taker = Taker()
    pmd = (0, 0, PMD_PAGES)
    plug = plug_with(taker, [pmd, (0, 0, 16), (0, 0, 16), pmd, pmd, (0, 0, 256)])

    assert taker.frames == [[0], [1, 2], [3], [4], [5]]
    assert plug.stats == PlugStats(batches=5, folios=6, pmd=4, list_end=1)


def test_list_that_ends_with_a_batch_ends_no_other() -> None:
    """Nor does an empty one: there is no batch of no folio."""
    taker = Taker()

    assert plug_with(taker, [(0, 0, 1)] * 2, batchsize=2).stats.list_end == 0
    assert plug_with(taker, []).stats == PlugStats()
    assert taker.frames == [[0, 1]]


def test_each_folio_is_told_where_it_is() -> None:
    """In the order of the list, over all batches."""
    plug = plug_with(Taker(), [(0, 0, 1)] * 3, batchsize=2)

    assert [(folio.frame, where) for folio, where in plug.done] == [
        (0, SwappedTo.ZSWAP),
        (1, SwappedTo.NONE),
        (2, SwappedTo.NONE),
    ]
    assert plug.held == []


@pytest.mark.parametrize(
    ("last", "fail_at", "done", "held"),
    [
        ((0, 0, 1), 0, [], [0, 1, 2]),
        ((1, 0, 1), 0, [], [0, 1, 2]),
        ((0, 1, 1), 0, [], [0, 1, 2]),
        ((0, 0, PMD_PAGES), 0, [], [0, 1, 2]),
        ((0, 0, PMD_PAGES), 1, [0, 1], [2]),
    ],
)
def test_interrupted_plug_knows_every_folio(
    last: Wanted, fail_at: int, done: list[int], held: list[int]
) -> None:
    """Each that was added went out, or is held: none is in between."""
    taker = Taker()
    taker.fail_at = fail_at
    plug = ReclaimPlug(taker.swap_out, 3, PlugStats())
    plug.add(Folio(0, 0), 0)
    plug.add(Folio(1, 1), 0)
    area, node, nr_pages = last
    with pytest.raises(KeyboardInterrupt):
        plug.add(Folio(swp_entry(area, 2), 2, nr_pages), node)

    assert [folio.frame for folio, _ in plug.done] == done
    assert [folio.frame for folio in plug.held] == held
    assert plug.stats.folios == len(done)


@pytest.mark.parametrize("batchsize", [0, 33])
def test_batchsize_is_that_of_the_sysctl(batchsize: int) -> None:
    """From 1 to SWAP_CLUSTER_MAX."""
    with pytest.raises(ValueError, match=rf"batchsize: {batchsize}: must be 1 to 32"):
        ReclaimPlug(Taker().swap_out, batchsize, PlugStats())


def test_stats_of_two_cpus_are_added() -> None:
    """Field by field."""
    one = PlugStats(1, 2, 3, 4, 5, 6, 7)

    assert one + one == PlugStats(2, 4, 6, 8, 10, 12, 14)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1), st.integers(0, 1), st.sampled_from([1, 16, PMD_PAGES])
        ),
        max_size=40,
    ),
    st.integers(1, 32),
)
def test_batches_are_of_one_kind_and_add_up(
    folios: list[Wanted], batchsize: int
) -> None:
    """All folios in order, none above the size, each batch with one reason."""
    taker = Taker()
    plug = plug_with(taker, folios, batchsize)
    stats = plug.stats

    assert [n for batch in taker.frames for n in batch] == list(range(len(folios)))
    assert [folio.frame for folio, _ in plug.done] == list(range(len(folios)))
    for batch in taker.batches:
        assert 1 <= len(batch) <= batchsize
        assert len({swp_type(folio.swap_offset) for folio in batch}) == 1
        assert len({folios[folio.frame][1] for folio in batch}) == 1
        assert len(batch) == 1 or all(folio.nr_pages < PMD_PAGES for folio in batch)
    assert (stats.batches, stats.folios) == (len(taker.batches), len(folios))
    assert stats.batches == (
        stats.full + stats.swap_area + stats.node + stats.pmd + stats.list_end
    )
