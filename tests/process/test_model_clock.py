"""Model time on real processes: the same work as made up, in the profile's time."""

from functools import cache

import msgspec
import pytest

from mpzswap.clock.config import ClockName
from mpzswap.report.records import StressReport
from mpzswap.report.time_spent import TimeReport
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import Batching
from mpzswap.workload.plan import Progress, Wishes, choose
from mpzswap.workload.stress import run

pytestmark = pytest.mark.usefixtures("nobody_left")

# So small that a loaded host is often late: no test asks whether it is.
TIME_SCALE = 4.0
WISHES = Wishes(
    topology=Topology.named("laptop-2iaa"),
    seed=7,
    workers=2,
    memory=256 << 10,
    rounds=1,
)


def ignore(_: Progress) -> None:
    """Take no notice of the progress."""


@cache
def report_of(clock: ClockName, batching: Batching, compressor: str) -> StressReport:
    """Give the report of a run that went well."""
    wishes = {
        "clock": clock,
        "batching": batching,
        "compressor": compressor,
        "time_scale": TIME_SCALE if clock == "model" else None,
    }
    report = run(choose(msgspec.structs.replace(WISHES, **wishes)), ignore)
    assert report.ok, report.problems
    return report


def both(
    batching: Batching = "driver", compressor: str = "deflate-iaa"
) -> tuple[StressReport, StressReport]:
    """Give the same run in the two clocks: model, virtual."""
    return (
        report_of("model", batching, compressor),
        report_of("virtual", batching, compressor),
    )


def time_of(report: StressReport) -> TimeReport:
    """Give where its time went."""
    assert report.time is not None
    return report.time


@pytest.mark.parametrize("batching", ["off", "requests", "driver"])
@pytest.mark.parametrize("compressor", ["deflate-iaa", "lz4"])
def test_same_work_is_done_as_in_virtual_time(
    batching: Batching, compressor: str
) -> None:
    """Page by page: zswap's counters, the drivers', and what was verified."""
    model, virtual = both(batching, compressor)

    assert model.zswap == virtual.zswap
    assert model.driver == virtual.driver
    assert model.verify == virtual.verify
    assert model.paths == virtual.paths


def test_engine_takes_exactly_the_profile_s_time() -> None:
    """However late the host was to say so."""
    model, virtual = (time_of(report) for report in both())

    assert (model.store.execute, model.load.execute) == (14_000, 6_000)
    assert (virtual.store.execute, virtual.load.execute) == (14_000, 6_000)
    assert (model.store.pages, model.load.pages) == (
        virtual.store.pages,
        virtual.load.pages,
    )


def test_stages_of_a_model_add_up() -> None:
    """To the latency, as they do where nothing is late."""
    for stages in (time_of(both()[0]).store, time_of(both()[0]).load):
        parts = msgspec.structs.astuple(stages)[1:-1]

        assert sum(parts) == pytest.approx(stages.total, abs=1)
        assert min(parts) >= 0


def test_report_says_whose_time_it_is() -> None:
    """And by which scale; no wall time passes where it is made up."""
    model, virtual = both()

    assert (model.clock, virtual.clock) == ("model", "virtual")
    assert (time_of(model).profile, time_of(model).time_scale) == ("plain", TIME_SCALE)
    assert time_of(virtual).time_scale == 0
