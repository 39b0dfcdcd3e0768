"""
The data path alone: pages through the devices, without zswap.

    for each machine, for each point:  one pass, every page checked  (and warm)
                                       some passes, timed
"""

import time
from collections.abc import Callable

from mpzswap.acomp.pipeline import Pipeline
from mpzswap.clock.histogram import Histogram
from mpzswap.machine.machine import Machine
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.report.records import BenchReport, BenchResult
from mpzswap.version import __version__
from mpzswap.workload.data_path import DataPath, Direction
from mpzswap.workload.plan import Progress
from mpzswap.workload.summary import latency_report
from mpzswap.workload.sweep import BenchPlan, Point, load_source

OnProgress = Callable[[Progress], None]


class Watch:
    """Tells the progress after every pass; never within one, which may be timed."""

    def __init__(self, plan: BenchPlan, nr_pages: int, on_progress: OnProgress) -> None:
        machines = len(plan.topologies) * len(plan.compressors)
        self._total = machines * len(plan.points()) * nr_pages * (1 + plan.repeat)
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._timed = self._checked = 0

    def tell(self, phase: str, *, timed: int = 0, checked: int = 0) -> None:
        """Tell that so many more pages went through."""
        self._timed += timed
        self._checked += checked
        self._on_progress(
            Progress(
                phase=phase,
                pages_written=self._timed,
                pages_checked=self._checked,
                pages_total=self._total,
                elapsed_s=time.monotonic() - self._started,
            )
        )


def run(plan: BenchPlan, on_progress: OnProgress) -> BenchReport:
    """
    Do a whole sweep.

    Raises:
        InputError: the pages cannot be had.
        MpzswapError: it could not be done, or a page came back wrong.
    """
    source = load_source(plan)
    watch = Watch(plan, len(source.pages), on_progress)
    results: list[BenchResult] = []
    for topology, compressor in plan.machines():
        with Machine(topology, compressor=compressor, max_submitters=1) as machine:
            results += run_machine(plan, machine, source.pages, watch)
    return BenchReport(
        version=__version__,
        clock="work",
        seed=plan.seed,
        source=source.description,
        results=tuple(results),
        ok=True,
    )


def run_machine(
    plan: BenchPlan, machine: Machine, pages: Pages, watch: Watch
) -> list[BenchResult]:
    """Do every point of the sweep on one machine."""
    points = plan.points()
    path = DataPath(machine.core, pages, max(point.depth for point in points))
    return [run_point(path, point, plan.repeat, watch) for point in points]


def run_point(path: DataPath, point: Point, repeat: int, watch: Watch) -> BenchResult:
    """Check every page, then time *repeat* passes."""
    direction = path.direction(point.operation)
    count, clock = len(direction.items), path.submitter.clock
    name = f"{point.operation} {path.compressor} {point.batch_size}/{point.depth}"
    watch.tell(name)
    run_pass(path, point, direction, Histogram())
    direction.check()
    watch.tell(name, checked=count)
    direction.begin()
    latency = Histogram()
    elapsed_ns = 0
    for _ in range(repeat):
        started_ns = clock.now_ns()
        run_pass(path, point, direction, latency)
        elapsed_ns += clock.now_ns() - started_ns
        watch.tell(name, timed=count)
    return result_of(path, point, direction, (elapsed_ns, latency))


def run_pass(
    path: DataPath, point: Point, direction: Direction, latency: Histogram
) -> None:
    """Send every page through once."""
    driver, clock = path.submitter.driver, path.submitter.clock
    pipeline = Pipeline(driver, clock, point.shape, latency)
    try:
        pipeline.run(iter(direction.items), direction.submit, direction.take)
    finally:
        pipeline.close()


def result_of(
    path: DataPath, point: Point, direction: Direction, times: tuple[int, Histogram]
) -> BenchResult:
    """Give the record of a point."""
    elapsed_ns, latency = times
    tally = direction.tally
    size = tally.pages * PAGE_SIZE
    return BenchResult(
        operation=point.operation,
        compressor=path.compressor,
        batch_size=point.batch_size,
        depth=point.depth,
        devices=path.devices,
        pages=tally.pages,
        elapsed_s=round(elapsed_ns / 1e9, 6),
        ns_per_page=round(elapsed_ns / tally.pages, 1),
        bytes_per_s=round(size / elapsed_ns * 1e9, 1),
        ratio=round(size / tally.compressed_bytes, 4),
        software_pages=tally.software,
        incompressible_pages=tally.incompressible,
        latency_ns=latency_report(latency),
    )
