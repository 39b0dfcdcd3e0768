"""The same run with each batching mode, side by side."""

from collections.abc import Callable, Iterator

from rich.console import RenderableType
from rich.table import Table

from mpzswap.report import numbers
from mpzswap.report.clocks import clock_words
from mpzswap.report.records import ComparisonReport, RatiosReport, StressReport
from mpzswap.report.render import facts, render, table, verdict
from mpzswap.report.stress import found_by, problems_of, settings

# A row: its title, what it shows of a run, which ratio belongs to it.
Row = tuple[str, Callable[[StressReport], str], str]

ROWS: tuple[Row, ...] = (
    (
        "written, MiB/s",
        lambda run: numbers.mib_per_s(run.throughput_bytes_per_s),
        "throughput",
    ),
    ("elapsed, s", lambda run: numbers.digits(run.elapsed_s), "elapsed"),
    (
        "store page p50, us",
        lambda run: numbers.micros(run.latency_ns.store_page.p50),
        "store_page_p50",
    ),
    (
        "store page p99, us",
        lambda run: numbers.micros(run.latency_ns.store_page.p99),
        "",
    ),
    (
        "load page p50, us",
        lambda run: numbers.micros(run.latency_ns.load_page.p50),
        "",
    ),
    ("sub-batch p50, us", lambda run: numbers.micros(run.latency_ns.batch.p50), ""),
    (
        "CPU, s",
        lambda run: numbers.digits(run.cpu_s.workers + run.cpu_s.devices),
        "cpu",
    ),
    ("context, bytes a CPU", lambda run: numbers.count(run.context.bytes), ""),
)

# What all runs should agree on, but for the pool's bytes, which follow from the order
# in which requests ended.
COUNTED: tuple[tuple[str, Callable[[StressReport], str]], ...] = (
    ("pages written", lambda run: numbers.count(run.pages_written)),
    ("pages out", lambda run: numbers.count(run.zswap.pages_out)),
    ("  compressed", lambda run: numbers.count(run.zswap.compressed_out)),
    ("  same-filled", lambda run: numbers.count(run.zswap.same_filled_out)),
    ("  raw", lambda run: numbers.count(run.zswap.incompressible_out)),
    ("  rejected", lambda run: numbers.count(run.zswap.rejected_pages)),
    ("pages in", lambda run: numbers.count(run.zswap.zswpin + run.zswap.pswpin)),
    ("compressed bytes", lambda run: numbers.count(run.zswap.compressed_bytes)),
    ("pool, bytes as packed", lambda run: numbers.count(run.zswap.pool_total_size)),
    ("compression ratio", lambda run: numbers.ratio(run.zswap.compression_ratio)),
    ("in software", lambda run: numbers.count(run.paths.software)),
    ("pages checked", lambda run: numbers.count(run.verify.pages_checked)),
    ("  wrong", lambda run: numbers.count(run.verify.pages_wrong)),
    ("  lost", lambda run: numbers.count(run.verify.pages_lost)),
)


def text(report: ComparisonReport, *, terminal: bool = False) -> str:
    """Give the whole report."""
    return render(_parts(report), terminal=terminal)


def problems(report: ComparisonReport) -> list[str]:
    """Give what is wrong in any run, a line each."""
    return [
        f"batching {run.batching}: {problem}"
        for run in report.runs
        for problem in problems_of(run)
    ]


def _parts(report: ComparisonReport) -> Iterator[RenderableType]:
    first = report.runs[0]
    yield facts(settings(first))
    yield ""
    yield _side_by_side(report)
    yield ""
    yield _counted(report.runs)
    yield ""
    yield facts(
        [
            ("counters", (_agreement(report),)),
            ("clock", (clock_words(first.clock),)),
            *([] if first.verify.asked else [("verify", found_by(first.verify))]),
        ]
    )
    yield verdict(problems(report))


def _side_by_side(report: ComparisonReport) -> Table:
    names = [run.batching for run in report.runs]
    over = [f"{ratios.batching}/{names[0]}" for ratios in report.all_ratios]
    made = table("batching", *names, *over)
    for title, show, ratio in ROWS:
        values = [show(run) for run in report.runs]
        made.add_row(title, *values, *_ratios(report.all_ratios, ratio))
    return made


def _counted(runs: tuple[StressReport, ...]) -> Table:
    made = table("counted", *(run.batching for run in runs))
    for title, show in COUNTED:
        made.add_row(title, *(show(run) for run in runs))
    return made


def _agreement(report: ComparisonReport) -> str:
    if report.same_counters:
        return "the same in all runs, but for how tightly the pool is packed"
    return f"differ: {', '.join(report.differing)}"


def _ratios(all_ratios: tuple[RatiosReport, ...], name: str) -> Iterator[str]:
    """Give one ratio of every run but the first."""
    for ratios in all_ratios:
        yield numbers.ratio(getattr(ratios, name)) if name else ""
