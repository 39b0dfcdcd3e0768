"""Predictions beside published figures: records, and their table."""

from collections.abc import Iterator
from itertools import groupby
from typing import Literal

import msgspec
from rich.console import RenderableType
from rich.table import Table

from mpzswap.report import numbers
from mpzswap.report.clocks import clock_words
from mpzswap.report.records import FORMAT
from mpzswap.report.render import facts, render, table, verdict

Unit = Literal["ns", "KB/s", "pages", "pages/s", "ratio", "word"]
# Whether a figure was used to fit, was predicted, or cannot be.
Kind = Literal["fitted", "predicted", "not"]

# Columns, under 80 together: a source and what is compared; numbers.
WIDTHS = (37, 10, 10, 8, 6)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a run of a scenario gave; times are means unless a name says otherwise.

    Attributes:
        scenario: its name.
        pages_out: pages that went to zswap.
        store_page_p50_ns, store_page_mean_ns: zswap_store(), a page.
        driver_store_ns: of a page's latency, all but zswap's own part.
        driver_load_ns: the same of a page that came back; 0: none did.
        page_out_ns: a worker's time for each page that it swapped out.
        pages_out_per_s: all workers together, while they wrote.
        ratio: bytes of pages over compressed bytes.
        bottleneck, because: see ``TimeReport``.
    """

    scenario: str
    pages_out: int
    store_page_p50_ns: int
    store_page_mean_ns: int
    driver_store_ns: float
    driver_load_ns: float
    page_out_ns: float
    pages_out_per_s: float
    ratio: float
    bottleneck: str
    because: str


class RowReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    A published figure and its prediction.

    Attributes:
        published: null where there is none that one prediction could meet.
        predicted: null where none can be made.
        error_percent: how far the prediction is above; null where there are words.
        fits: what was fitted to the figure, or empty.
        reason: why it cannot be predicted, or empty.
        formula: how it follows from the scenarios in *runs*.
    """

    source: str
    what: str
    unit: Unit
    kind: Kind
    published: float | str | None = None
    predicted: float | str | None = None
    error_percent: float | None = None
    fits: str = ""
    reason: str = ""
    formula: str = ""
    runs: tuple[str, ...] = ()


class ErrorsReport(msgspec.Struct, frozen=True):
    """
    The errors of rows of a kind, without their signs; words have none.

    Attributes:
        largest_of: the row that has the largest.
    """

    rows: int = 0
    median_percent: float = 0.0
    largest_percent: float = 0.0
    largest_of: str = ""


class ValidateReport(msgspec.Struct, frozen=True, kw_only=True):
    """One ``validate`` run; nothing in it is a time of the host."""

    format: int = FORMAT
    command: str = "validate"
    version: str
    clock: str = "virtual"
    seed: int
    runs: tuple[Measured, ...]
    rows: tuple[RowReport, ...]
    # Rows that were not used to fit, and those that were.
    predicted: ErrorsReport
    fitted: ErrorsReport
    problems: tuple[str, ...]
    ok: bool


def text(report: ValidateReport, *, terminal: bool = False) -> str:
    """Give the whole report."""
    return render(_parts(report), terminal=terminal)


def problems_of(report: ValidateReport) -> tuple[str, ...]:
    """Give which predictions are too far off."""
    return report.problems


def value(figure: float | str | None, unit: Unit) -> str:
    """Give a figure as its unit has it; "-" where there is none."""
    if figure is None or isinstance(figure, str):
        return figure or "-"
    return numbers.fine_ratio(figure) if unit == "ratio" else numbers.digits(figure)


def _parts(report: ValidateReport) -> Iterator[RenderableType]:
    compared = [row for row in report.rows if row.kind != "not"]
    for source, rows in groupby(compared, key=lambda row: row.source):
        yield _table(source, rows)
        yield ""
    if len(compared) < len(report.rows):
        yield "cannot be predicted"
        yield facts(_unpredicted(report))
        yield ""
    yield facts(_summary(report))
    yield verdict(report.problems)


def _table(source: str, rows: Iterator[RowReport]) -> Table:
    made = table(source, "published", "predicted", "error", "used")
    for column, width in zip(made.columns, WIDTHS, strict=True):
        column.width = width
    for row in rows:
        unit = "" if row.unit in ("ratio", "word") else f", {row.unit}"
        error = row.error_percent
        made.add_row(
            f"{row.what}{unit}",
            value(row.published, row.unit),
            value(row.predicted, row.unit),
            "" if error is None else numbers.signed_percent(error),
            "to fit" if row.kind == "fitted" else "",
        )
    return made


def _unpredicted(report: ValidateReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    for row in report.rows:
        if row.kind == "not":
            yield " ", (f"{row.source}: {row.what}: {row.reason}",)


def _summary(report: ValidateReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    for title, errors in (
        ("not used to fit", report.predicted),
        ("used to fit", report.fitted),
    ):
        if errors.rows:
            yield title, _errors(errors)
    yield "clock", (clock_words(report.clock),)


def _errors(errors: ErrorsReport) -> tuple[str, ...]:
    return (
        numbers.plural(errors.rows, "row"),
        f"error: median {numbers.percent(errors.median_percent, 100)}",
        f"largest {numbers.percent(errors.largest_percent, 100)}",
        errors.largest_of,
    )
