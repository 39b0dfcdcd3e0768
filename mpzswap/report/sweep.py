"""The runs of a sweep as a table: a row a run, a column for each word that varies."""

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.table import Table

from mpzswap.report import numbers
from mpzswap.report.clocks import clock_words
from mpzswap.report.render import facts, render, table, verdict
from mpzswap.report.sweep_records import SweepLine, SweepReport, seen
from mpzswap.topology.size import format_size

SIZES = frozenset({"memory", "limit", "folio", "swap"})
# Heads of columns, so that more of them fit.
SHORT = {"batch_size": "batch", "reclaim_batch": "reclaim"}

Row = Mapping[str, str]


def text(report: SweepReport, *, terminal: bool = False) -> str:
    """Give the whole report."""
    return render(_parts(report), terminal=terminal)


def problems_of(report: SweepReport) -> list[str]:
    """Give a line for each run that failed: which, and why."""
    rows = [row_of(line) for line in report.runs]
    varying = varying_in(rows)
    return [
        ": ".join(filter(None, (_which(row, varying), problem_of(line))))
        for row, line in zip(rows, report.runs, strict=True)
        if not line.ok
    ]


def problem_of(line: SweepLine) -> str:
    """Give why a run failed."""
    if isinstance(line.error, str):
        return line.error
    report = seen(line)
    return "; ".join(report.problems if report else ()) or "it is not ok"


def row_of(line: SweepLine) -> Row:
    """Give the parameters of a run in words, those of its topology by their names."""
    plain = {word: value for word, value in line.parameters.items() if word != "set"}
    row = {word: _words(word, value) for word, value in plain.items()}
    return row | {
        key: str(value) for key, value in line.parameters.get("set", {}).items()
    }


def varying_in(rows: list[Row]) -> list[str]:
    """Give the words that are not the same in all rows."""
    words = dict.fromkeys(word for row in rows for word in row)
    return [word for word in words if len({row.get(word) for row in rows}) > 1]


def _words(word: str, value: object) -> str:
    if isinstance(value, list):
        return ",".join(_words(word, each) for each in value)
    if isinstance(value, bool):
        return "on" if value else "off"
    if word in SIZES and isinstance(value, int):
        return format_size(value)
    return str(value)


def _which(row: Row, varying: list[str]) -> str:
    return " ".join(f"{word} {row[word]}" for word in varying if word in row)


def _parts(report: SweepReport) -> Iterator[RenderableType]:
    rows = [row_of(line) for line in report.runs]
    varying = varying_in(rows)
    runs = numbers.plural(len(rows), "run")
    fixed = [f"{word} {rows[0][word]}" for word in rows[0] if word not in varying]
    yield facts([("sweep", (runs,)), ("all", fixed)])
    yield ""
    yield _table(report, rows, varying)
    yield ""
    yield "MiB/s: written; p50: a page of a store, us"
    yield facts([("clock", _clocks(report))])
    yield verdict(problems_of(report))


def _table(report: SweepReport, rows: list[Row], varying: list[str]) -> Table:
    heads = [SHORT.get(word, word.rpartition(".")[2]) for word in varying]
    made = table(*heads, "MiB/s", "p50", "ratio", "", left=len(heads))
    for line, row in zip(report.runs, rows, strict=True):
        made.add_row(*(row.get(word, "") for word in varying), *_measured(line))
    return made


def _measured(line: SweepLine) -> Iterator[str]:
    report = seen(line)
    if report is None:
        yield from ("-", "-", "-")
    else:
        yield numbers.mib_per_s(report.throughput_bytes_per_s)
        yield numbers.micros(report.latency_ns.store_page.p50)
        yield numbers.ratio(report.zswap.compression_ratio)
    yield "ok" if line.ok else "FAILED"


def _clocks(report: SweepReport) -> list[str]:
    reports = filter(None, map(seen, report.runs))
    return [clock_words(name) for name in dict.fromkeys(r.clock for r in reports)]
