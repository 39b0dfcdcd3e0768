"""
The data path alone: pages through the devices, without zswap.

    for each point:  on each machine a pass, every page checked  (and warm)
                     some passes, timed, the machines in turn
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from mpzswap.acomp.pipeline import Pipeline
from mpzswap.clock.histogram import Histogram
from mpzswap.machine.machine import Machine
from mpzswap.page.frame import PAGE_SIZE, Pages
from mpzswap.report.bench_records import BenchReport, BenchResult
from mpzswap.version import __version__
from mpzswap.workload.bench_plan import BenchPlan, Point, load_source
from mpzswap.workload.data_path import DataPath
from mpzswap.workload.plan import Progress
from mpzswap.workload.summary import latency_report

OnProgress = Callable[[Progress], None]


class Watch:
    """Tells the progress after every pass; never within one, which may be timed."""

    def __init__(self, plan: BenchPlan, nr_pages: int, on_progress: OnProgress) -> None:
        machines = len(plan.topologies) * len(plan.compressors) * len(plan.sync_modes)
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


class Trial:
    """A point on one machine."""

    def __init__(self, path: DataPath, point: Point) -> None:
        self.name = (
            f"{point.operation} {path.compressor} {point.batch_size}/{point.depth}"
        )
        self.direction = path.direction(point.operation)
        self._path = path
        self._point = point
        self._latency = Histogram()
        self._elapsed_ns = 0

    def check_pass(self) -> None:
        """Send every page through once and check it; from here on time counts."""
        self._run_pass(Histogram())
        self.direction.check()
        self.direction.begin()

    def time_pass(self) -> None:
        """Send every page through once more, timed."""
        clock = self._path.submitter.clock
        started_ns = clock.now_ns()
        self._run_pass(self._latency)
        self._elapsed_ns += clock.now_ns() - started_ns

    def _run_pass(self, latency: Histogram) -> None:
        driver, clock = self._path.submitter.driver, self._path.submitter.clock
        pipeline = Pipeline(driver, clock, self._point.shape, latency)
        direction = self.direction
        try:
            pipeline.run(iter(direction.items), direction.submit, direction.take)
        finally:
            pipeline.close()

    def result(self) -> BenchResult:
        """Give the record."""
        path, point, tally = self._path, self._point, self.direction.tally
        elapsed_ns = self._elapsed_ns
        size = tally.pages * PAGE_SIZE
        return BenchResult(
            operation=point.operation,
            compressor=path.compressor,
            batch_size=point.batch_size,
            depth=point.depth,
            devices=path.devices,
            sync_mode=path.sync_mode,
            pages=tally.pages,
            elapsed_s=round(elapsed_ns / 1e9, 6),
            ns_per_page=round(elapsed_ns / tally.pages, 1),
            bytes_per_s=round(size / elapsed_ns * 1e9, 1),
            ratio=round(size / tally.compressed_bytes, 4),
            software_pages=tally.software,
            incompressible_pages=tally.incompressible,
            latency_ns=latency_report(self._latency),
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
        with contextlib.ExitStack() as stack:
            machines = [
                stack.enter_context(
                    Machine(each, compressor=compressor, max_submitters=1)
                )
                for each in plan.in_each_mode(topology)
            ]
            results += run_machines(plan, machines, source.pages, watch)
    return BenchReport(
        version=__version__,
        clock="work",
        seed=plan.seed,
        source=source.description,
        results=tuple(results),
        ok=True,
    )


def run_machines(
    plan: BenchPlan, machines: Sequence[Machine], pages: Pages, watch: Watch
) -> Iterator[BenchResult]:
    """Do every point of the sweep on machines that are open at once."""
    points = plan.points()
    most = max(point.depth for point in points)
    paths = [DataPath(machine.core, pages, most) for machine in machines]
    for point in points:
        trials = [Trial(path, point) for path in paths]
        run_point(trials, plan.repeat, watch)
        yield from (trial.result() for trial in trials)


def run_point(trials: Sequence[Trial], repeat: int, watch: Watch) -> None:
    """Check every page in each trial, then time *repeat* passes of each, in turn."""
    for trial in trials:
        watch.tell(trial.name)
        trial.check_pass()
        watch.tell(trial.name, checked=len(trial.direction.items))
    for _ in range(repeat):
        for trial in trials:
            trial.time_pass()
            watch.tell(trial.name, timed=len(trial.direction.items))
