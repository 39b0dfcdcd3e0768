"""Stages of zswap's pages: with what it does itself, they add up to the latency."""

from collections.abc import Iterator
from typing import get_args

import pytest

from mpzswap.acomp.stages import Stage, StageSums
from mpzswap.clock.steps import Step
from mpzswap.topology.settings import Batching, ZswapSettings
from mpzswap.zswap.limit import PoolLimit
from mpzswap.zswap.store import Folio
from mpzswap.zswap.zswap import Zswap
from tests.tools.driver_rig import DriverRig, counting_rig, driver_rig, one_queue
from tests.tools.zswap_rig import SAME, noise, pool_words, text

SPENT_NS = 77
NR_PAGES = 5


@pytest.fixture
def rig() -> Iterator[DriverRig]:
    """Give a driver that counts stages, with a clock by which steps take time."""
    with counting_rig(one_queue(8)) as rig:
        let_steps_take_time(rig)
        yield rig


def let_steps_take_time(rig: DriverRig) -> None:
    """Let each step of zswap's own take as long."""

    def spend(step: Step, times: int = 1) -> None:
        rig.clock.spent.append((step, times))
        if step in (Step.STORE_CALL, Step.LOAD_CALL):
            rig.clock.ns += SPENT_NS * times

    rig.clock.spend = spend  # type: ignore[method-assign]  # a clock by a profile


def zswap_over(rig: DriverRig, batching: Batching = "driver") -> Zswap:
    """Give a zswap that has a single request in flight at a time."""
    settings = ZswapSettings(batching=batching, batch_size=8, nr_sub_batches=1)
    limit = PoolLimit(pool_words(), 0, 1000)
    return Zswap(settings, rig.driver, limit, rig.clock)


def store(rig: DriverRig, zswap: Zswap, *pages: bytes) -> int:
    """Store pages as one folio; give how long it took."""
    rig.put(pages)
    began_ns = rig.clock.ns
    assert zswap.store(rig.frames, [Folio(0, 0, len(pages))]) == [True]
    return rig.clock.ns - began_ns


def test_stages_of_a_request_add_up_to_the_store(rig: DriverRig) -> None:
    """Each of its pages took as long as all of it."""
    zswap = zswap_over(rig)
    took_ns = store(rig, zswap, *(text(seed) for seed in range(NR_PAGES)))
    sums = zswap.latency.store_stages

    assert sums.pages == NR_PAGES
    assert sum(sums.ns) == NR_PAGES * took_ns
    assert sums.ns[Stage.STORE] == NR_PAGES * SPENT_NS


def test_stages_of_a_request_add_up_to_the_load(rig: DriverRig) -> None:
    """In the sums of loads, and in no others."""
    zswap = zswap_over(rig)
    store(rig, zswap, *(text(seed) for seed in range(NR_PAGES)))
    stored = StageSums() + zswap.latency.store_stages
    began_ns = rig.clock.ns
    zswap.load_many(range(NR_PAGES), rig.frames, range(8, 8 + NR_PAGES))
    sums = zswap.latency.load_stages

    assert sum(sums.ns) == NR_PAGES * (rig.clock.ns - began_ns)
    assert (sums.pages, sums.ns[Stage.STORE]) == (NR_PAGES, NR_PAGES * SPENT_NS)
    assert zswap.latency.store_stages == stored


@pytest.mark.parametrize("batching", get_args(Batching))
def test_every_request_is_a_call(rig: DriverRig, batching: Batching) -> None:
    """In whatever mode: zswap's own part is of each request."""
    zswap = zswap_over(rig, batching)
    store(rig, zswap, *(text(seed) for seed in range(NR_PAGES)))
    calls = 1 if batching == "driver" else NR_PAGES
    spent = [step for step, _ in rig.clock.spent]

    assert spent.count(Step.STORE_CALL) == spent.count(Step.COMPRESS_CALL) == calls
    assert zswap.latency.store_stages.pages == NR_PAGES


def test_page_that_needs_no_request_has_no_stages(rig: DriverRig) -> None:
    """It is stored as its value."""
    zswap = zswap_over(rig)
    store(rig, zswap, text(1), SAME, text(2))

    assert zswap.latency.store_stages.pages == 2


def test_page_that_is_kept_raw_has_stages(rig: DriverRig) -> None:
    """A device has tried."""
    zswap = zswap_over(rig)
    took_ns = store(rig, zswap, text(1), noise(1))

    assert zswap.stats().stored_incompressible_pages == 1
    assert sum(zswap.latency.store_stages.ns) == 2 * took_ns


def test_nothing_is_counted_unless_the_driver_does() -> None:
    """By a clock of real work there are no stages."""
    with driver_rig(one_queue(8)) as rig:
        zswap = zswap_over(rig)
        store(rig, zswap, text(1), text(2))

        assert zswap.latency.store_stages == StageSums()
