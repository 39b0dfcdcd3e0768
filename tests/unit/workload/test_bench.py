"""The order of a bench's passes."""

from types import SimpleNamespace
from typing import cast

from mpzswap.topology.model import Topology
from mpzswap.workload.bench import Trial, Watch, run_point
from mpzswap.workload.bench_plan import BenchPlan
from mpzswap.workload.plan import Progress

PLAN = BenchPlan(
    topologies=(Topology.for_host(devices=1),),
    compressors=("lz4",),
    operations=("compress",),
    batch_sizes=(8,),
    depths=(8,),
    sync_modes=("sync", "async"),
    source="mix:text",
    count=64,
    repeat=3,
    seed=7,
)


def trial(name: str, done: list[str]) -> Trial:
    """Give a trial that notes what it is asked to do."""
    made = SimpleNamespace(
        name=name,
        direction=SimpleNamespace(items=range(64)),
        check_pass=lambda: done.append(f"check {name}"),
        time_pass=lambda: done.append(name),
    )
    return cast("Trial", made)


def test_passes_that_are_compared_alternate() -> None:
    """What disturbs the host for a second disturbs both."""
    done: list[str] = []
    watch = Watch(PLAN, 64, lambda _: None)
    run_point([trial("sync", done), trial("async", done)], PLAN.repeat, watch)

    assert done == ["check sync", "check async"] + ["sync", "async"] * 3


def test_progress_reaches_the_total() -> None:
    """Every mode's passes are in it."""
    seen: list[Progress] = []
    run_point([trial("a", []), trial("b", [])], 3, Watch(PLAN, 64, seen.append))

    assert seen[-1].pages_written + seen[-1].pages_checked == seen[-1].pages_total
