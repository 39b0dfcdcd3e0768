"""The table of predictions: figures by unit, what was fitted, what cannot be had."""

import pytest

from mpzswap.report.validate import (
    ErrorsReport,
    RowReport,
    Unit,
    ValidateReport,
    problems_of,
    text,
    value,
)
from tests.tools.validations import measured, row

NOT = RowReport(
    source="a cover",
    what="elapsed time",
    unit="word",
    kind="not",
    reason="not modelled",
)


def report(*problems: str) -> ValidateReport:
    """Give a report with a row of each kind."""
    return ValidateReport(
        version="0.1.0",
        seed=7,
        runs=(measured(),),
        rows=(
            row(
                "a fitted figure", kind="fitted", figures=(3_503.0, 3_495.0), error=-0.2
            ),
            row("a ratio", unit="ratio", figures=(1.1763, 1.0804), error=-8.2),
            row("a bottleneck", unit="word", figures=("not engine", "CPU"), error=None),
            NOT,
        ),
        predicted=ErrorsReport(1, 8.2, 8.2, "a ratio"),
        fitted=ErrorsReport(1, 0.2, 0.2, "a fitted figure"),
        problems=problems,
        ok=not problems,
    )


@pytest.mark.parametrize(
    ("figure", "unit", "shown"),
    [
        (3_503.0, "ns", "3,503"),
        (6_363_045.0, "KB/s", "6,363,045"),
        (1.1026, "ratio", "1.103"),
        ("CPU", "word", "CPU"),
        (None, "ns", "-"),
    ],
)
def test_figure_is_shown_as_its_unit_has_it(
    figure: float | str | None, unit: Unit, shown: str
) -> None:
    """A ratio to the tenth of a percent."""
    assert value(figure, unit) == shown


def test_row_has_both_figures_the_error_and_whether_it_was_fitted() -> None:
    """The unit is behind what is compared."""
    lines = [line.split() for line in text(report()).splitlines()]

    assert [
        "a",
        "fitted",
        "figure,",
        "ns",
        "3,503",
        "3,495",
        "-0.2",
        "%",
        "to",
        "fit",
    ] in lines
    assert ["a", "ratio", "1.176", "1.080", "-8.2", "%"] in lines
    assert ["a", "bottleneck", "not", "engine", "CPU"] in lines


def test_what_cannot_be_predicted_has_its_reason() -> None:
    """And its source."""
    assert "a cover: elapsed time: not modelled" in text(report())


def test_summary_is_of_both_kinds() -> None:
    """Those that were not fitted first."""
    lines = text(report()).splitlines()[-4:]

    assert lines[0].split()[:6] == ["not", "used", "to", "fit", "1", "row"]
    assert lines[1].startswith("used to fit      1 row   error: median 0.2 %")
    assert lines[-1] == "ok"


def test_no_line_is_too_wide() -> None:
    """A terminal has 80 columns."""
    assert max(map(len, text(report()).splitlines())) <= 79


def test_problems_are_the_last_lines() -> None:
    """And the command's."""
    failed = report("far off")

    assert text(failed).endswith("FAILED\nfar off\n")
    assert problems_of(failed) == ("far off",)
