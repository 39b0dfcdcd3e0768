"""The answers of a ``selftest`` as a table, and which of them were wrong."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from mpzswap.report import numbers
from mpzswap.report.render import render, table, verdict
from mpzswap.report.selftest_records import SelftestReport, SelftestResult


def text(report: SelftestReport, *, terminal: bool = False) -> str:
    """Give the whole report."""
    return render(_parts(report), terminal=terminal)


def problems_of(report: SelftestReport) -> list[str]:
    """Give each wrong answer in a line that names its vector."""
    return [
        f"{failure.compressor} {failure.mode}: vector {failure.vector!r}: "
        f"{failure.fault}"
        for failure in report.failures
    ]


def _parts(report: SelftestReport) -> Iterator[RenderableType]:
    yield _table(report.results)
    yield ""
    yield verdict(problems_of(report))


def _table(results: tuple[SelftestResult, ...]) -> Table:
    made = table("compressor", "mode", "vectors", "passed", "failed", left=2)
    for result in results:
        made.add_row(
            result.compressor,
            result.mode,
            numbers.count(result.vectors),
            numbers.count(result.passed),
            numbers.count(result.failed),
        )
    return made
