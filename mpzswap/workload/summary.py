"""
From what workers and devices counted to the report, and whether it adds up.

Three sets of books are kept apart: zswap's, the drivers' and the devices'.  Pages
out are stored compressed, same-filled or raw, or rejected; pages in are those that
workers got; what drivers submitted is what devices answered.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add

import msgspec

from mpzswap.acomp.pipeline import Shape
from mpzswap.clock.cpu_time import cpu_time_ns
from mpzswap.clock.histogram import Histogram, SparseHistogram
from mpzswap.completion.record import RECORD_BYTES
from mpzswap.machine.board import DeviceState
from mpzswap.machine.core import Core
from mpzswap.machine.stats import Books
from mpzswap.machine.store import nr_buffers
from mpzswap.page.frame import PAGE_SIZE
from mpzswap.report.records import (
    AttributesReport,
    ContextReport,
    CpuReport,
    DeviceReport,
    DriverReport,
    FairnessReport,
    LatenciesReport,
    LatencyReport,
    PathsReport,
    ReadaheadReport,
    ReclaimReport,
    StressReport,
    VerifyReport,
    WorkerReport,
    ZswapReport,
)
from mpzswap.topology.settings import ZswapSettings
from mpzswap.version import __version__
from mpzswap.workload.fairness import jain_index
from mpzswap.workload.gather import Gathered
from mpzswap.workload.ledger import ledger_of
from mpzswap.workload.plan import StressPlan
from mpzswap.workload.time_spent import time_report
from mpzswap.workload.worker import WorkerResult
from mpzswap.zswap.reclaim_plug import PlugStats
from mpzswap.zswap.stats import ZswapStats

# How tightly zsmalloc packs follows from the order in which requests ended.
NOT_OF_THE_PAGES = ("zswap.pool_total_size",)


def summarize(plan: StressPlan, core: Core, gathered: Gathered) -> StressReport:
    """Give the report of a run whose machine is still open."""
    results = gathered.results
    zswap: ZswapStats = reduce(add, (result.zswap for result in results))
    books = Books.empty(plan.topology)
    for result in results:
        books.add(result.books)
    devices = core.report_devices(books)
    problems = (
        *gathered.deaths,
        *find_unchecked(plan, results),
        *find_problems(gathered, zswap, devices),
    )
    write_s = max(result.write_ns for result in results) / 1e9
    written = sum(result.pages_written for result in results)
    return StressReport(
        version=__version__,
        clock=plan.clock,
        seed=plan.seed,
        topology=plan.topology.name,
        compressor=plan.compressor,
        batching=plan.topology.zswap.batching,
        batch_size=plan.topology.zswap.batch_size,
        workers=plan.workers,
        memory_bytes=plan.memory_pages * PAGE_SIZE,
        limit_bytes=plan.limit_pages * PAGE_SIZE,
        pages=plan.source,
        folio_pages=plan.folio_pages,
        reclaim_batch=plan.reclaim_batch,
        swap_bytes=plan.swap_pages * PAGE_SIZE,
        swap_areas=len(plan.swap_areas),
        interleave=plan.interleave,
        changes=plan.changes,
        faults=plan.faults,
        attributes=AttributesReport(plan.topology.driver, plan.topology.zswap),
        sync_mode=plan.topology.driver.sync_mode,
        verify_compress=plan.topology.driver.verify_compress,
        context=context_report(plan.topology.zswap),
        rounds=max(result.rounds for result in results),
        pages_written=written,
        elapsed_s=round(gathered.elapsed_s, 6),
        write_s=round(write_s, 6),
        # By a clock that is made up writes take no time that nothing is reclaimed for.
        throughput_bytes_per_s=round(written * PAGE_SIZE / write_s, 1)
        if write_s
        else 0.0,
        zswap=zswap_report(zswap),
        latency_ns=latencies_report(results),
        driver=driver_report(books),
        devices=devices,
        paths=paths_report(zswap, books),
        verify=msgspec.structs.replace(verify_report(gathered), asked=plan.verify),
        reclaim=reclaim_report(results),
        ledger=reduce(add, gathered.ledgers, ledger_of(zswap)),
        readahead=ReadaheadReport(
            swap_ra=sum(result.swap_ra for result in results),
            swap_ra_hit=sum(result.swap_ra_hit for result in results),
        ),
        each_worker=each_worker_report(gathered),
        fairness=fairness_report(gathered),
        cpu_s=CpuReport(
            workers=round(sum(result.cpu_s for result in results), 3),
            devices=round(
                engines_s(core) if plan.clock == "virtual" else device_cpu_s(core), 3
            ),
        ),
        time=time_report(plan, core, gathered, devices),
        dead_workers=gathered.deaths,
        problems=problems,
        ok=not problems,
    )


def find_unchecked(
    plan: StressPlan, results: tuple[WorkerResult, ...]
) -> Iterable[str]:
    """Tell where a worker has not checked all its pages in each of its rounds."""
    for result in results:
        expected = result.rounds * plan.memory_pages if plan.verify else 0
        if result.pages_checked != expected:
            yield f"pages: {result.pages_checked} checked, must be {expected} a worker"


def find_problems(
    gathered: Gathered, zswap: ZswapStats, devices: tuple[DeviceReport, ...]
) -> Iterable[str]:
    """Give what is wrong with the results of a run, a line each."""
    results = gathered.results
    checked = verify_report(gathered)
    if checked.pages_wrong or checked.pages_lost:
        yield f"pages: {checked.pages_wrong} wrong, {checked.pages_lost} lost"
    for result in results:
        yield from result.problems
    kept = zswap.compressed_out + zswap.same_filled_out + zswap.incompressible_out
    if zswap.pages_out != kept + zswap.rejected_pages:
        yield (
            f"books: {zswap.pages_out} pages out, but {kept} stored and "
            f"{zswap.rejected_pages} rejected"
        )
    loaded = sum(result.pages_loaded for result in results)
    if zswap.zswpin + zswap.pswpin != loaded:
        yield (
            f"books: {zswap.zswpin} pages in from zswap and {zswap.pswpin} from the "
            f"swap file, but {loaded} loaded"
        )
    yield from _find_ledger_problems(results, zswap)
    yield from _find_device_problems(devices)
    untold = any(device.deaths or device.is_silent for device in devices)
    if not (gathered.deaths or untold):
        yield from _find_call_problems(devices)


def _find_ledger_problems(
    results: tuple[WorkerResult, ...], zswap: ZswapStats
) -> Iterable[str]:
    """Compare what workers say of their pages with what zswap says of them."""
    if missing := ledger_of(zswap).missing:
        yield f"ledger: {missing} pages are in no column"
    for title, mine, theirs in (
        ("out", sum(r.pages_out for r in results), zswap.pages_out),
        (
            "swapped",
            sum(r.pages_swapped for r in results),
            zswap.stored_pages + zswap.swap_pages,
        ),
        ("given up", sum(r.pages_dropped for r in results), zswap.invalidated_pages),
    ):
        if mine != theirs:
            yield f"ledger: {mine} pages {title} by workers, {theirs} by zswap"


def _find_device_problems(devices: tuple[DeviceReport, ...]) -> Iterable[str]:
    for device in devices:
        if device.unreported or device.broken_lanes:
            yield (
                f"{device.name}: {device.unreported} descriptors without an address "
                f"to answer to, {device.broken_lanes} lanes given up"
            )


def _find_call_problems(devices: tuple[DeviceReport, ...]) -> Iterable[str]:
    """Compare the books; nobody tells what was submitted by, or to, the dead."""
    calls = sum(
        wq.comp_calls + wq.decomp_calls + wq.verify_calls
        for device in devices
        for wq in device.wqs
    )
    answered = sum(device.descriptors for device in devices)
    if calls != answered:
        yield f"books: {calls} descriptors submitted, but {answered} answered"


def context_report(zswap: ZswapSettings) -> ContextReport:
    """Give what the requests of a CPU take, see ``driver.portal``."""
    shape = Shape.of(zswap.batching, zswap.batch_size, zswap.nr_sub_batches)
    buffers = nr_buffers(zswap)
    return ContextReport(
        requests=shape.nr_requests * shape.nr_sub_batches,
        pages_per_request=shape.pages_per_request,
        buffers=buffers,
        bytes=buffers * (PAGE_SIZE + RECORD_BYTES),
    )


def differing_counters(runs: Sequence[StressReport]) -> tuple[str, ...]:
    """Give the names of what runs counted that is not the same in all of them."""
    first, *others = (counters(run) for run in runs)
    return tuple(
        name
        for name, value in first.items()
        if any(other[name] != value for other in others)
    )


def counters(run: StressReport) -> dict[str, int]:
    """Give what follows from a run's pages, by dotted names; times do not."""
    found = {"pages_written": run.pages_written}
    for part in ("zswap", "driver", "verify", "reclaim", "readahead"):
        for name, value in msgspec.structs.asdict(getattr(run, part)).items():
            if isinstance(value, int):
                found[f"{part}.{name}"] = value
    for name in NOT_OF_THE_PAGES:
        del found[name]
    return found


def zswap_report(stats: ZswapStats) -> ZswapReport:
    """Give zswap's counters by the names of the report."""
    names = ZswapReport.__struct_fields__
    values = {name: getattr(stats, name) for name in names}
    values["compression_ratio"] = round(stats.compression_ratio, 4)
    return ZswapReport(**values)


def driver_report(books: Books) -> DriverReport:
    """Give the driver's counters by the names of the report."""
    names = DriverReport.__struct_fields__
    return DriverReport(**{name: getattr(books.driver, name) for name in names})


def paths_report(zswap: ZswapStats, books: Books) -> PathsReport:
    """Give which way pages went, and why not the straight one."""
    reasons = Counter(books.driver.reasons)
    # The same pages are zswap's, as incompressible or as compress_poor.
    del reasons["comp_buf_overflow"]
    reasons["pool_limit"] += zswap.rejected_limit_pages
    reasons["compress_poor"] += zswap.rejected_poor_pages
    reasons["compress_fail"] += zswap.rejected_fail_pages
    reasons["alloc_fail"] += zswap.rejected_alloc_pages
    reasons["same_filled"] += zswap.same_filled_out
    # For an error the driver has counted its reason already.
    reasons["incompressible"] += (
        zswap.incompressible_out - zswap.incompressible_error_out
    )
    return PathsReport(
        device=books.driver.device_pages,
        software=(
            books.driver.total_sw_comp_calls + books.driver.total_sw_decomp_calls
        ),
        rejected=zswap.rejected_pages,
        reasons=dict(sorted((+reasons).items())),
    )


def reclaim_report(results: tuple[WorkerResult, ...]) -> ReclaimReport:
    """Add up what the workers' plugs did."""
    plugs: PlugStats = reduce(add, (result.reclaim for result in results))
    return msgspec.convert(plugs, ReclaimReport, from_attributes=True)


def verify_report(gathered: Gathered) -> VerifyReport:
    """Give what came of the checks, also of workers that died after them."""
    checks: list[WorkerResult | VerifyReport] = [*gathered.results, *gathered.checks]
    return VerifyReport(
        pages_checked=sum(each.pages_checked for each in checks),
        pages_wrong=sum(each.pages_wrong for each in checks),
        pages_lost=sum(each.pages_lost for each in checks),
    )


def each_worker_report(gathered: Gathered) -> tuple[WorkerReport, ...]:
    """Give what each worker wrote, and how long it took."""
    return tuple(
        WorkerReport(
            number=column,
            pages_written=result.pages_written,
            write_ns=result.write_ns,
            window_pages=gathered.window.pages[column],
        )
        for column, result in zip(gathered.columns, gathered.results, strict=True)
    )


def fairness_report(gathered: Gathered) -> FairnessReport:
    """Give how evenly all workers wrote, those that died before the end too."""
    window = gathered.window
    return FairnessReport(
        jain_index=round(jain_index(window.pages), 4),
        window_s=round(window.elapsed_s, 6),
    )


def latencies_report(results: tuple[WorkerResult, ...]) -> LatenciesReport:
    """Merge the workers' histograms."""
    return LatenciesReport(
        store_page=merged(result.store_page for result in results),
        load_page=merged(result.load_page for result in results),
        batch=merged(result.batch for result in results),
    )


def merged(parts: Iterable[SparseHistogram]) -> LatencyReport:
    """Merge histograms into one report."""
    whole = Histogram()
    for part in parts:
        whole.merge(Histogram.from_sparse(part))
    return latency_report(whole)


def latency_report(histogram: Histogram) -> LatencyReport:
    """Give a histogram's figures, whole ns."""
    return LatencyReport(
        count=histogram.count,
        mean=round(histogram.mean),
        p50=histogram.p50,
        p90=histogram.p90,
        p99=histogram.p99,
        p999=histogram.p999,
        max=histogram.max,
    )


def engines_s(core: Core) -> float:
    """Give how long the engines of all devices have worked, s; of virtual devices."""
    counted = (core.devices.counters(each.index) for each in core.devices.all)
    return sum(counters.busy_ns for counters in counted) / 1e9


def device_cpu_s(core: Core) -> float:
    """Give the processor time that the living device processes have used, s."""
    used = (
        cpu_time_ns(process.child.pid)
        for process in core.devices.all
        # The pid of one that died may be another's by now.
        if core.devices.state(process.index) != DeviceState.DIED
    )
    # None: it died just now.
    return sum(filter(None, used)) / 1e9
