"""
A stress run: workers on CPUs of a machine, their results added up and checked.

    machine open -> source -> workers started -> all ready -> "go"
       -> the result of each -> books that must balance -> the report
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import get_args

import msgspec

from mpzswap.machine.core import Core, Worker
from mpzswap.machine.machine import Machine
from mpzswap.machine.store import nr_buffers
from mpzswap.machine.submitter import SubmitterConfig
from mpzswap.page.source import load_pages
from mpzswap.report.records import ComparisonReport, RatiosReport, StressReport
from mpzswap.ring.memory import Segment
from mpzswap.topology.cpus import cores_of, node_of
from mpzswap.topology.model import Topology
from mpzswap.topology.settings import Batching
from mpzswap.version import __version__
from mpzswap.workload.gather import gather
from mpzswap.workload.plan import Progress, StressPlan
from mpzswap.workload.summary import differing_counters, summarize
from mpzswap.workload.worker import SPARE_PAGES, WorkerConfig

ENTRY = "mpzswap.workload.worker:main"
# Ours: a worker maps and prefaults its memory first, and 72 of them share two cores.
READY_TIMEOUT_S = 300.0
# Pages that workers write from: 128 MiB.  Up to that size no page of a round is like
# another; above it they repeat.
MAX_SOURCE_PAGES = 32768
# The number of the source's segment: a worker maps it beside those of the machine,
# whose devices never see it.
SOURCE_SEGMENT = 0

# Looks of a machine that is made up come as often as its time has it.
TELL_INTERVAL_S = 0.1

OnProgress = Callable[[Progress], None]
Disturb = Callable[[Core, Progress], None]


def leave_alone(_: Core, __: Progress) -> None:
    """Let a run's processes live."""


def run(
    plan: StressPlan, on_progress: OnProgress, disturb: Disturb = leave_alone
) -> StressReport:
    """
    Do a stress run.

    Args:
        plan: what is to be done.
        on_progress: told now and then how far it is.
        disturb: called after that, with the processes at work; may harm them.

    Raises:
        MpzswapError: it could not be done; wrong and lost pages are in the report.
    """
    with (
        open_source(plan) as source,
        Machine(
            plan.topology,
            compressor=plan.compressor,
            max_submitters=plan.workers,
            clock=plan.clock_config,
        ) as machine,
    ):
        if plan.clock == "virtual":
            on_progress = seldom(on_progress)
        workers = start_workers(plan, machine.core, source)
        for worker in workers:
            worker.child.wait_ready(READY_TIMEOUT_S)

        def look(progress: Progress) -> None:
            on_progress(progress)
            disturb(machine.core, progress)

        gathered = gather(plan, machine.core, workers, look)
        return summarize(plan, machine.core, gathered)


def seldom(on_progress: OnProgress) -> OnProgress:
    """Give a progress that is told each 0.1 s, however often it is asked."""
    next_s = 0.0

    def tell(progress: Progress) -> None:
        nonlocal next_s
        if progress.elapsed_s >= next_s:
            next_s = progress.elapsed_s + TELL_INTERVAL_S
            on_progress(progress)

    return tell


def compare(plan: StressPlan, on_progress: OnProgress) -> ComparisonReport:
    """Do the same run with batching off, by requests, and by the driver."""
    runs = tuple(
        run(plan.with_batching(batching), named(batching, on_progress))
        for batching in get_args(Batching)
    )
    ratios = tuple(ratios_of(report, runs[0]) for report in runs[1:])
    differing = differing_counters(runs)
    return ComparisonReport(
        version=__version__,
        seed=plan.seed,
        runs=runs,
        ratios=ratios[-1],
        all_ratios=ratios,
        same_counters=not differing,
        differing=differing,
        ok=all(report.ok for report in runs),
    )


def named(name: str, on_progress: OnProgress) -> OnProgress:
    """Give a progress that says of which run it is."""
    return lambda progress: on_progress(
        msgspec.structs.replace(progress, phase=f"{name} {progress.phase}")
    )


def ratios_of(report: StressReport, base: StressReport) -> RatiosReport:
    """Give *report* over *base*, which has batching off."""

    def cpu_s(one: StressReport) -> float:
        return one.cpu_s.workers + one.cpu_s.devices

    def over(value: float, reference: float) -> float:
        return round(value / reference, 3) if reference else 0.0

    return RatiosReport(
        batching=report.batching,
        throughput=over(report.throughput_bytes_per_s, base.throughput_bytes_per_s),
        elapsed=over(report.elapsed_s, base.elapsed_s),
        store_page_p50=over(
            report.latency_ns.store_page.p50, base.latency_ns.store_page.p50
        ),
        cpu=over(cpu_s(report), cpu_s(base)),
    )


@contextlib.contextmanager
def open_source(plan: StressPlan) -> Iterator[Segment]:
    """Load the pages that are written into memory that all workers map."""
    count = min(plan.workers * plan.memory_pages, MAX_SOURCE_PAGES)
    pages = load_pages(plan.source, count, plan.seed).pages
    segment = Segment.create(SOURCE_SEGMENT, pages.nbytes)
    try:
        segment.frames(0, len(pages)).array[:] = pages
        yield segment
    finally:
        segment.close()


def start_workers(plan: StressPlan, core: Core, source: Segment) -> list[Worker]:
    """Start every worker on its CPU."""
    zswap = msgspec.structs.replace(
        plan.topology.zswap, compressor=plan.compressor, exclusive_loads=True
    )

    def tell(number: int, cpu: int) -> Callable[[SubmitterConfig], bytes]:
        return lambda submitter: msgspec.json.encode(
            WorkerConfig(
                submitter=submitter,
                zswap=zswap,
                number=number,
                workers=plan.workers,
                limit_pages=plan.limit_pages,
                folio_pages=plan.folio_pages,
                reclaim_batch=plan.reclaim_batch,
                swap_areas=plan.swap_areas,
                nodes=nodes_of(plan, cpu),
                rounds=plan.rounds,
                duration_s=plan.duration_s,
                drop_every=plan.drop_every,
                verify=plan.verify,
                source=SOURCE_SEGMENT,
                delay_ns=delay_ns(plan, number),
            )
        )

    sizes = plan.memory_pages + SPARE_PAGES, nr_buffers(zswap)
    return [
        core.start_worker(ENTRY, cpu, sizes, (tell(number, cpu), [source.fd]))
        for number, cpu in enumerate(worker_cpus(plan.topology, plan.workers))
    ]


def delay_ns(plan: StressPlan, number: int) -> int:
    """Give how much later than it is told the worker *number* begins."""
    draw = random.Random(f"{plan.seed}/{number}")  # noqa: S311 - a moment, no secret
    return int(draw.random() * plan.stagger_ns)


def nodes_of(plan: StressPlan, cpu: int) -> tuple[int, ...]:
    """Give the nodes that the folios of a worker on *cpu* lie on."""
    if plan.interleave:
        return tuple(range(len(plan.topology.sockets)))
    return (node_of(plan.topology, cpu),)


def worker_cpus(topology: Topology, workers: int) -> list[int]:
    """
    Give the CPU of each worker: spread evenly over the cores of all nodes.

    So every device is near to some of them; a core's second thread comes only when
    every core has one.
    """
    cores = [
        core
        for node in range(len(topology.sockets))
        for core in cores_of(topology, node)
    ]
    cpus: list[int] = []
    thread = 0
    while len(cpus) < workers:
        wanted = min(workers - len(cpus), len(cores))
        chosen = [cores[i * len(cores) // wanted] for i in range(wanted)]
        cpus += [core[thread % len(core)] for core in chosen]
        thread += 1
    return cpus
