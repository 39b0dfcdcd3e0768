"""How a stress run is laid out."""

from types import SimpleNamespace
from typing import Any, cast, get_args

import msgspec
import pytest

from mpzswap.driver.portal import PortalLayout
from mpzswap.machine.core import Core
from mpzswap.report.records import ContextReport
from mpzswap.ring.memory import Segment
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import Batching
from mpzswap.workload.plan import Wishes, choose
from mpzswap.workload.stress import (
    delay_ns,
    nodes_of,
    run,
    start_workers,
    worker_cpus,
)
from mpzswap.workload.summary import context_report


@pytest.mark.parametrize("workers", [1, 16, 112, 150, 224])
def test_workers_are_spread_over_all_cores(workers: int) -> None:
    """No CPU has two, and every node has its share."""
    cpus = worker_cpus(Topology.named("spr-2s8iaa"), workers)

    assert len(set(cpus)) == workers
    first = sum(cpu < 56 or 112 <= cpu < 168 for cpu in cpus)
    assert abs(first - workers / 2) <= 1


def buffers_of_a_worker(topology: Topology) -> int:
    """Give how many buffers a worker's submitter is made with."""
    asked: list[int] = []

    def start_worker(_entry: str, _cpu: int, sizes: tuple[int, int], _: Any) -> None:  # noqa: ANN401 - what it is told
        asked.append(sizes[1])

    plan = choose(Wishes(topology=topology, seed=1, workers=1, memory=1 << 20))
    core = cast("Core", SimpleNamespace(start_worker=start_worker))
    start_workers(plan, core, cast("Segment", SimpleNamespace(fd=0)))
    return asked[0]


@pytest.mark.parametrize("batching", get_args(Batching))
def test_context_has_the_buffers_that_a_worker_is_made_with(batching: Batching) -> None:
    """The report's bytes are what the portal grows by, to a page."""
    topology = Topology.for_host(devices=1)
    plan = choose(Wishes(topology=topology, seed=1, batching=batching, batch_size=5))
    context = context_report(plan.topology.zswap)
    empty, whole = (
        PortalLayout.plan(topology, count).size for count in (0, context.buffers)
    )

    assert context.buffers == buffers_of_a_worker(plan.topology)
    assert context.buffers == context.requests * context.pages_per_request
    assert 0 <= whole - empty - context.buffers * 4096 <= 4096
    assert context.bytes == context.buffers * (4096 + 64)


def test_context_without_batching_has_one_request() -> None:
    """Of one page: the kernel's context before the series."""
    plan = choose(Wishes(topology=Topology.for_host(devices=1), seed=1, batching="off"))

    assert context_report(plan.topology.zswap) == ContextReport(1, 1, 1, 4096 + 64)


def test_folios_lie_on_the_node_of_the_worker() -> None:
    """On all of them in turn, where that is asked for."""
    topology = Topology.named("spr-2s8iaa")
    near = choose(Wishes(topology=topology, seed=1, workers=1, memory=1 << 20))
    far = msgspec.structs.replace(near, interleave=True)

    assert [nodes_of(near, cpu) for cpu in (0, 56, 112, 223)] == [
        (0,),
        (1,),
        (0,),
        (1,),
    ]
    assert [nodes_of(far, cpu) for cpu in (0, 223)] == [(0, 1), (0, 1)]


def test_workers_begin_together_unless_they_are_staggered() -> None:
    """Then within that time, each when the seed says."""
    topology = Topology.named("spr-1s4iaa")
    together = choose(Wishes(topology=topology, seed=1, workers=1, memory=1 << 20))
    apart = msgspec.structs.replace(together, stagger_ns=1_000)
    other = msgspec.structs.replace(apart, seed=2)

    delays = [delay_ns(apart, number) for number in range(100)]
    assert [delay_ns(together, number) for number in range(3)] == [0, 0, 0]
    assert min(delays) < 200
    assert 800 < max(delays) < 1_000
    assert delays == [delay_ns(apart, number) for number in range(100)]
    assert delays != [delay_ns(other, number) for number in range(100)]


def test_staggered_workers_end_later_and_write_no_longer() -> None:
    """Before they begin no time is counted as theirs."""
    wishes = Wishes(
        topology=Topology.named("spr-1s4iaa"),
        seed=1,
        workers=2,
        memory=1 << 19,
        rounds=1,
        clock="virtual",
        compressor="lz4",
    )
    together = choose(wishes)
    apart = msgspec.structs.replace(together, stagger_ns=10_000_000)

    begun, later = (run(plan, lambda _: None) for plan in (together, apart))

    assert later.elapsed_s > begun.elapsed_s
    assert later.each_worker[0].write_ns == begun.each_worker[0].write_ns
