"""The results of a ``bench`` sweep as a table."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from mpzswap.report import numbers
from mpzswap.report.bench_records import BenchReport, BenchResult
from mpzswap.report.clocks import clock_words
from mpzswap.report.render import facts, render, table, verdict

SHORT = {"compress": "comp", "decompress": "decomp", "async_irq": "irq"}


def text(report: BenchReport, *, terminal: bool = False) -> str:
    """Give the whole report."""
    return render(_parts(report), terminal=terminal)


def _parts(report: BenchReport) -> Iterator[RenderableType]:
    yield facts(
        [
            ("pages", (report.source,)),
            ("clock", (clock_words(report.clock),)),
        ]
    )
    yield ""
    yield _table(report.results)
    yield ""
    yield from _notes(report.results)
    yield verdict([] if report.ok else ["not every page was verified"])


def _table(results: tuple[BenchResult, ...]) -> Table:
    made = table(
        "do", "compressor", "mode", "batch", "depth", "IAA", "us/page", "MiB/s",
        "ratio", "p50", "p99", left=3, gap=1,
    )  # fmt: skip
    for result in results:
        made.add_row(
            SHORT.get(result.operation, result.operation),
            result.compressor,
            SHORT.get(result.sync_mode, result.sync_mode),
            numbers.count(result.batch_size),
            numbers.count(result.depth),
            numbers.count(result.devices),
            numbers.micros(result.ns_per_page),
            numbers.mib_per_s(result.bytes_per_s),
            numbers.ratio(result.ratio),
            numbers.micros(result.latency_ns.p50),
            numbers.micros(result.latency_ns.p99),
        )
    return made


def _notes(results: tuple[BenchResult, ...]) -> Iterator[str]:
    """Say what the table has no column for."""
    yield "p50, p99: a batch from submit to done, us; us/page: all devices together"
    if any(result.sync_mode == "async_irq" for result in results):
        yield "irq: async_irq, a sleep until a device interrupts"
    software = sum(result.software_pages for result in results)
    if software:
        yield f"software did {numbers.count(software)} pages: not a device's time"
