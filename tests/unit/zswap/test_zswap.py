"""The object for one CPU, from its start to its end."""

import pytest

from mpzswap.errors import ClosedError
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.zswap.stats import ZswapStats
from mpzswap.zswap.store import Folio
from tests.tools.zswap_rig import ZERO, Rig, noise, text


def test_nothing_is_stored_at_first() -> None:
    """A new zswap is empty and has counted nothing."""
    rig = Rig()

    assert len(rig.zswap) == 0
    assert 0 not in rig.zswap
    assert rig.zswap.stats() == ZswapStats()


def test_store_of_no_folio_is_no_event() -> None:
    """An empty batch is done at once, and no latency is recorded."""
    rig = Rig()

    assert rig.zswap.store(rig.frames, []) == []
    rig.zswap.load_many([], rig.frames, [])
    assert rig.zswap.latency.store_page.count == 0
    assert rig.zswap.latency.load_page.count == 0


def test_invalidate_forgets_one_page() -> None:
    """It says whether there was one; a second time there is not."""
    rig = Rig()
    rig.store([text(1), text(2)])

    assert rig.zswap.invalidate(0)
    assert not rig.zswap.invalidate(0)
    assert [0 in rig.zswap, 1 in rig.zswap] == [False, True]


def test_latency_has_a_duration_for_each_page() -> None:
    """Stores and loads are counted by page, sub-batches by themselves."""
    rig = Rig()
    rig.store([text(seed) for seed in range(16)])
    rig.zswap.load_many(range(8), rig.frames, range(64, 72))
    rig.load(8)
    latency = rig.zswap.latency

    assert (latency.store_page.count, latency.load_page.count) == (16, 9)
    assert latency.batch.count == 4


def test_close_gives_everything_back() -> None:
    """Requests are the transform's again, our pages count no more; twice is once."""
    rig = Rig()
    rig.store([text(1)])
    rig.zswap.close()
    rig.zswap.close()

    assert (rig.fake.allocated, rig.words[0]) == (0, 0)


def test_closed_zswap_refuses_to_work() -> None:
    """Store and load say that they came too late."""
    rig = Rig()
    rig.zswap.close()

    with pytest.raises(ClosedError, match="zswap: is closed"):
        rig.zswap.store(rig.frames, [Folio(0, 0)])
    with pytest.raises(ClosedError, match="zswap: is closed"):
        rig.zswap.load(0, rig.frames, 0)


def test_charged_bytes_are_the_lengths_of_the_entries() -> None:
    """Compressed, raw and same-filled; what leaves is charged no more."""
    rig = Rig()
    rig.store([text(1)])
    packed = rig.zswap.charged_bytes
    rig.store([noise(1), ZERO], 8)

    assert 0 < packed < PAGE_SIZE
    assert rig.zswap.charged_bytes == packed + PAGE_SIZE
    rig.zswap.invalidate(0)
    rig.load(8)
    assert rig.zswap.charged_bytes == 0
