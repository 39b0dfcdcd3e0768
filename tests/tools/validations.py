"""Runs as validate measures them, and rows, with fixed numbers."""

from mpzswap.report.validate import Kind, Measured, RowReport, Unit


def measured(**changes: float | str) -> Measured:
    """Give a run in which a page takes 10 us and compresses to half."""
    values: dict[str, float | str] = {
        "scenario": "mine",
        "pages_out": 1_000,
        "store_page_p50_ns": 700,
        "store_page_mean_ns": 800,
        "driver_store_ns": 3_177.0,
        "driver_load_ns": 2_235.0,
        "page_out_ns": 10_000.0,
        "pages_out_per_s": 1_000_000.0,
        "ratio": 2.0,
        "bottleneck": "CPU",
        "because": "",
    }
    return Measured(**{**values, **changes})  # type: ignore[arg-type]  # of all types


def row(
    what: str = "a figure",
    kind: Kind = "predicted",
    unit: Unit = "ns",
    figures: tuple[float | str, float | str] = (100.0, 101.0),
    error: float | None = 1.0,
) -> RowReport:
    """Give a row; *figures* are the published and the predicted one."""
    return RowReport(
        source="a cover",
        what=what,
        unit=unit,
        kind=kind,
        published=figures[0],
        predicted=figures[1],
        error_percent=error,
    )
