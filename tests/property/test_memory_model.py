"""Memory beside an array: random touches of folios, a small limit, areas, nodes."""

import errno
from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mpzswap.errors import LoadError
from mpzswap.topology.settings import ZswapSettings
from mpzswap.workload.ledger import ledger_of
from mpzswap.workload.memory import Memory, Where
from tests.tools.manual_clock import ManualClock
from tests.tools.zswap_rig import ZERO, Disk, Rig, noise, text

NR_PAGES = 64
FOLIO = 4


class Touch(NamedTuple):
    """Touch a folio, or one page; write it, or compare; or drop it."""

    page: int
    whole: bool
    maker: int | None
    # Frames that nothing can be decompressed into.
    broken: set[int]
    drop: bool = False


MAKERS = (lambda _: ZERO, text, text, noise)
touches = st.lists(
    st.builds(
        Touch,
        st.integers(0, NR_PAGES - 1),
        st.booleans(),
        st.one_of(st.none(), st.integers(0, len(MAKERS) - 1)),
        st.one_of(st.just(set()), st.sets(st.integers(0, NR_PAGES - 1), max_size=9)),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=10,
    max_size=80,
)

# Before all else each folio is written, of every kind: most of them are swapped then.
WRITTEN = [
    Touch(first, whole=True, maker=first // FOLIO % len(MAKERS), broken=set())
    for first in range(0, NR_PAGES, FOLIO)
]


def compare(memory: Memory, rig: Rig) -> None:
    """See that each page is where it is said to be, once."""
    listed = Counter(
        page for first, count, _ in memory.lru for page in range(first, first + count)
    )
    resident = [
        page
        for page, where in enumerate(memory.where)
        if where in {Where.RESIDENT, Where.READ_AHEAD}
    ]
    stats, plug = rig.zswap.stats(), memory.reclaim

    assert listed == Counter(resident)
    assert memory.resident == len(resident)
    assert len(rig.zswap) == memory.where.count(Where.SWAPPED)
    assert memory.pages_loaded == stats.zswpin + stats.pswpin
    assert memory.pages_dropped == stats.invalidated_pages
    assert memory.pages_out == stats.pages_out
    assert ledger_of(stats).missing == 0
    assert memory.swap_ra_hit <= memory.swap_ra <= memory.pages_loaded
    assert plug.batches == (
        plug.full + plug.swap_area + plug.node + plug.pmd + plug.list_end
    )


@pytest.mark.parametrize("areas", [0, 1, 2])
@pytest.mark.parametrize("page_cluster", [0, 3])
@given(touches=touches, high=st.integers(8, 32), batch=st.sampled_from([1, 3, 32]))
# Without shrinking: each example is hundreds of stores, and a minute is the limit.
@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_touched_page_is_what_was_written(
    areas: int, page_cluster: int, touches: list[Touch], high: int, batch: int
) -> None:
    """Whatever was reclaimed, read ahead, rejected or failed in between."""
    rig = Rig(
        ZswapSettings(shrinker_enabled=bool(areas)),
        max_pages=6,
        swap=[Disk(NR_PAGES) for _ in range(areas)] or None,
    )
    memory = Memory(
        rig.frames.part(0, NR_PAGES),
        rig.zswap,
        high,
        batch,
        page_cluster,
        ManualClock(),
        (0, 0, 1),
    )
    written: dict[int, bytes] = {}
    for number, touch in enumerate(WRITTEN + touches):
        rig.fake.decompress_errors = dict.fromkeys(touch.broken, -errno.EIO)
        first = touch.page // FOLIO * FOLIO if touch.whole else touch.page
        pages = range(first, first + (FOLIO if touch.whole else 1))
        failed: set[int] = set()
        if touch.drop:
            for page in set(pages) - set(memory.drop(pages)):
                written.pop(page, None)
            compare(memory, rig)
            continue
        try:
            memory.touch(first, len(pages))
        except LoadError:
            failed = {page for page in pages if memory.where[page] == Where.SWAPPED}
            assert failed
            assert failed <= touch.broken
        for page in set(pages) - failed:
            assert memory.where[page] == Where.RESIDENT
            if touch.maker is not None:
                written[page] = MAKERS[touch.maker](number * NR_PAGES + page)
                memory.frames.views[page][:] = written[page]
            elif page in written:
                assert memory.frames.views[page] == written[page]
        compare(memory, rig)
