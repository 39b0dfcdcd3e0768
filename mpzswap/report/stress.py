"""What a stress run did, as text."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from rich.console import RenderableType
from rich.table import Table

from mpzswap.page.frame import PAGE_SIZE
from mpzswap.report import numbers, time_spent
from mpzswap.report.clocks import clock_words
from mpzswap.report.records import (
    ContextReport,
    DeviceReport,
    LatencyReport,
    ReadaheadReport,
    ReclaimReport,
    StressReport,
    VerifyReport,
    ZswapReport,
)
from mpzswap.report.render import facts, render, table, verdict
from mpzswap.report.time_spent import TimeReport
from mpzswap.topology.settings import DriverSettings
from mpzswap.topology.size import format_size

QUANTILES = ("p50", "p90", "p99", "p999", "max")


def text(report: StressReport, *, terminal: bool = False) -> str:
    """Give the whole report."""
    return render(_parts(report), terminal=terminal)


def settings(report: StressReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give how a run was set, without its batching."""
    memory, limit = format_size(report.memory_bytes), format_size(report.limit_bytes)
    folio = format_size(report.folio_pages * PAGE_SIZE)
    yield "topology", (report.topology, report.compressor)
    yield (
        "load",
        (f"{report.workers} x {memory} of {report.pages}", f"limit {limit}"),
    )
    yield (
        "reclaim",
        (f"folios of {folio}", f"{report.reclaim_batch} in a batch"),
    )
    if report.swap_bytes:
        shrinker = report.attributes.zswap.shrinker_enabled
        areas = numbers.plural(report.swap_areas, "area")
        yield (
            "swap",
            (
                f"{format_size(report.swap_bytes)} a worker in {areas}",
                f"shrinker {'on' if shrinker else 'off'}",
            ),
        )
    if report.interleave:
        yield "nodes", ("folios on all in turn",)
    if report.changes:
        yield "set", report.changes
    if report.faults:
        yield "faults", report.faults
    if driver := tuple(_driver(report)):
        yield "driver", driver


def _driver(report: StressReport) -> Iterator[str]:
    """Give what of the driver is not as it is by default."""
    usual = DriverSettings()
    if report.sync_mode != usual.sync_mode:
        yield f"sync_mode {report.sync_mode}"
    if report.verify_compress != usual.verify_compress:
        yield f"verify_compress {str(report.verify_compress).lower()}"


def _parts(report: StressReport) -> Iterator[RenderableType]:
    yield facts(_settings(report))
    yield ""
    yield facts(_happened(report))
    yield ""
    yield _latencies(report)
    yield ""
    if report.devices:
        yield _devices(report)
        yield ""
    elif report.time is not None:
        yield facts([("devices", (f"none: {_software(report)}",))])
        yield ""
    if report.time is not None:
        yield from time_spent.parts(report.time)
        yield ""
    deaths = [(each.name, _death(each)) for each in report.devices if each.death]
    if deaths:
        yield facts(deaths)
    yield facts(_outcome(report))
    yield verdict(problems_of(report))


def _software(report: StressReport) -> str:
    """Say why a run by a profile has no devices."""
    assert report.time is not None, "of a profile"
    return (
        f"{report.compressor} is software of the CPUs by profile {report.time.profile}"
    )


def problems_of(report: StressReport) -> tuple[str, ...]:
    """Give what is wrong, a line each."""
    if report.ok or report.problems:
        return report.problems
    checked = report.verify
    return (f"pages: {checked.pages_wrong} wrong, {checked.pages_lost} lost",)


def _settings(report: StressReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield from settings(report)
    yield (
        "batching",
        (report.batching, _sub_batch(report)),
    )
    yield "context", _context(report.context)


def _sub_batch(report: StressReport) -> str:
    """Give how many pages a sub-batch has."""
    pages = 1 if report.batching == "off" else report.batch_size
    return f"{numbers.plural(pages, 'page')} in a sub-batch"


def _context(context: ContextReport) -> tuple[str, ...]:
    """Give what a CPU's context has."""
    requests, pages = context.requests, context.pages_per_request
    return (
        f"{numbers.plural(requests, 'request')} of {numbers.plural(pages, 'page')}",
        f"{numbers.count(context.bytes)} bytes a CPU",
    )


def _happened(report: StressReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    zswap, count = report.zswap, numbers.count
    written = report.pages_written
    yield (
        "pages",
        (
            f"written {count(written)}",
            f"out {count(zswap.pages_out)}",
            f"in {count(zswap.zswpin + zswap.pswpin)}",
            f"rounds {count(report.rounds)}",
        ),
    )
    yield "stored", _stored(zswap)
    if zswap.rejected_pages or zswap.pool_limit_hit:
        yield (
            "rejected",
            (
                f"{count(zswap.rejected_pages)} pages",
                numbers.percent(zswap.rejected_pages, zswap.pages_out),
                f"pool limit hit {numbers.plural(zswap.pool_limit_hit, 'time')}",
            ),
        )
    yield (
        "pool",
        (
            numbers.size(zswap.pool_total_size),
            f"{count(zswap.stored_pages)} pages now",
            f"compression ratio {numbers.ratio(zswap.compression_ratio)}",
        ),
    )
    if report.reclaim.batches:
        yield "batches", _batches(report.reclaim)
    if report.readahead.swap_ra:
        yield "read ahead", _read_ahead(report.readahead)
    if report.swap_bytes:
        yield (
            "swap",
            (
                f"written {count(zswap.pswpout)}",
                f"of it written back {count(zswap.written_back_pages)}",
                f"read {count(zswap.pswpin)}",
            ),
        )
    yield (
        "time",
        (
            numbers.seconds(report.elapsed_s),
            f"of it writing {numbers.seconds(report.write_s)}",
            f"at {numbers.rate(report.throughput_bytes_per_s)}",
        ),
    )
    yield (
        "CPU",
        (
            f"workers {numbers.seconds(report.cpu_s.workers)}",
            f"devices {numbers.seconds(report.cpu_s.devices)}",
            # Other times of such a run are the profile's.
            *(("of this host",) if report.clock == "model" else ()),
        ),
    )


def _stored(zswap: ZswapReport) -> tuple[str, ...]:
    """Give the share of each way in which a page handed to zswap ended."""
    ways = (
        ("compressed", zswap.compressed_out),
        ("same-filled", zswap.same_filled_out),
        ("raw", zswap.incompressible_out),
    )
    return tuple(
        f"{way} {numbers.percent(pages, zswap.pages_out)}" for way, pages in ways
    )


def _batches(reclaim: ReclaimReport) -> tuple[str, ...]:
    """Give how large reclaim's batches were, and how many ended why."""
    ends = (
        ("full", reclaim.full),
        ("swap area", reclaim.swap_area),
        ("node", reclaim.node),
        ("PMD", reclaim.pmd),
        ("end of list", reclaim.list_end),
    )
    return (
        f"{numbers.count(reclaim.batches)} of {numbers.count(reclaim.folios)} folios",
        *(f"{why} {numbers.count(batches)}" for why, batches in ends if batches),
    )


def _read_ahead(readahead: ReadaheadReport) -> tuple[str, ...]:
    hits, pages = readahead.swap_ra_hit, readahead.swap_ra
    return (
        f"{numbers.count(pages)} pages",
        f"hit {numbers.count(hits)}",
        numbers.percent(hits, pages),
    )


def _latencies(report: StressReport) -> Table:
    made = table("latency, us", "count", "mean", "p50", "p90", "p99", "p99.9", "max")
    for title, latency in (
        ("store page", report.latency_ns.store_page),
        ("load page", report.latency_ns.load_page),
        ("sub-batch", report.latency_ns.batch),
    ):
        made.add_row(title, *_latency(latency))
    return made


def _latency(latency: LatencyReport) -> Iterator[str]:
    yield numbers.count(latency.count)
    if not latency.count:
        yield from ["-"] * (1 + len(QUANTILES))
        return
    yield numbers.micros(latency.mean)
    yield from (numbers.micros(getattr(latency, name)) for name in QUANTILES)


def _devices(report: StressReport) -> Table:
    """Give a row a device; "queued" is the most descriptors in a queue at once."""
    columns: dict[str, Callable[[DeviceReport], int]] = {
        "comp": lambda device: sum(wq.comp_calls for wq in device.wqs),
        "decomp": lambda device: sum(wq.decomp_calls for wq in device.wqs),
        "verify": lambda device: sum(wq.verify_calls for wq in device.wqs),
        "irq": lambda device: device.interrupts,
        "errors": lambda device: device.errors,
        "retries": lambda device: sum(wq.retries for wq in device.wqs),
        "queued": lambda device: max(
            (wq.max_occupancy for wq in device.wqs), default=0
        ),
    }
    # Most runs have none of these.
    for name in ("verify", "irq"):
        if not any(map(columns[name], report.devices)):
            del columns[name]
    made = table("device", "state", "busy", *columns, left=2)
    for device in report.devices:
        made.add_row(
            device.name,
            device.state,
            numbers.percent(device.busy_fraction),
            *(numbers.count(value(device)) for value in columns.values()),
        )
    return made


def _death(device: DeviceReport) -> tuple[str, ...]:
    """Give how a device died the last time, and how often it was started anew."""
    if not device.restarts:
        return (device.death,)
    return device.death, f"started anew {numbers.plural(device.restarts, 'time')}"


def injected_of(devices: Iterable[DeviceReport]) -> dict[str, int]:
    """Give how often each kind of fault was injected, in all devices together."""
    whole: Counter[str] = Counter()
    for device in devices:
        whole.update(device.injected)
    return dict(sorted(whole.items()))


def _time_of(time: TimeReport | None) -> Iterator[str]:
    """Give whose profile it is, and how much slower."""
    if time is not None:
        yield f"profile {time.profile}"
        if time.time_scale:
            yield f"{numbers.digits(time.time_scale)} times slower"


def found_by(checked: VerifyReport) -> tuple[str, ...]:
    """Give what the checks found."""
    if not checked.asked:
        return ("not asked for",)
    return (
        f"{numbers.count(checked.pages_checked)} pages checked",
        f"{numbers.count(checked.pages_wrong)} wrong",
        f"{numbers.count(checked.pages_lost)} lost",
    )


def _outcome(report: StressReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    paths, checked, count = report.paths, report.verify, numbers.count
    yield (
        "paths",
        (
            f"device {count(paths.device)}",
            f"software {count(paths.software)}",
            f"rejected {count(paths.rejected)}",
        ),
    )
    if paths.reasons:
        found = paths.reasons.items()
        yield "reasons", tuple(f"{name} {count(pages)}" for name, pages in found)
    if injected := injected_of(report.devices):
        yield "injected", tuple(f"{kind} {count(n)}" for kind, n in injected.items())
    yield "verify", found_by(checked)
    yield "clock", (clock_words(report.clock), *_time_of(report.time))
