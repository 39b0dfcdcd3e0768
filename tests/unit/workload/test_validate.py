"""Errors of predictions, what is too far off, and who runs the scenarios."""

from concurrent.futures import Future
from contextlib import nullcontext

import msgspec
import pytest

from mpzswap.errors import MpzswapError
from mpzswap.report.validate import ErrorsReport
from mpzswap.workload import validate
from mpzswap.workload.plan import Progress
from mpzswap.workload.published import Published, Row
from mpzswap.workload.validate import (
    Task,
    ValidatePlan,
    agrees,
    error_percent,
    errors_of,
    find_problems,
    predicted_row,
)
from tests.tools.validations import measured, row


@pytest.mark.parametrize(
    ("predicted", "published", "error"),
    [(110.0, 100.0, 10.0), (90, 100, -10.0), ("CPU", "CPU", None), (None, 1.0, None)],
)
def test_error_is_how_far_a_prediction_is_above(
    predicted: float | str | None, published: float | str, error: float | None
) -> None:
    """In percent of what was published; words have none."""
    assert error_percent(predicted, published) == error


def test_summary_has_the_median_and_the_largest_without_signs() -> None:
    """Of one kind alone, and of numbers alone."""
    rows = [
        row("small", error=1.0),
        row("large", error=-9.0),
        row("middle", error=4.0),
        row("fitted", kind="fitted", error=50.0),
        row("word", error=None, figures=("CPU", "CPU")),
    ]

    assert errors_of(rows, "predicted") == ErrorsReport(3, 4.0, 9.0, "large")


def test_summary_of_an_even_number_of_rows_is_between() -> None:
    """The two in the middle share it."""
    rows = [row(error=error) for error in (1.0, -2.0, 4.0, 8.0)]

    assert errors_of(rows, "predicted").median_percent == 3.0


def test_no_rows_have_no_errors() -> None:
    """A summary of nothing is nothing."""
    assert errors_of([], "fitted") == ErrorsReport()


def test_row_that_is_too_far_off_is_told() -> None:
    """By its name, its error and the limit."""
    rows = [row("far", error=-15.1), row("near", error=15.0), row(), row(), row()]

    assert list(find_problems(rows)) == [
        "far (a cover): error -15.1 %, must be within 15 %"
    ]


def test_row_that_was_fitted_has_no_limit() -> None:
    """It shows what the fit could not do."""
    assert list(find_problems([row(kind="fitted", error=50.0)])) == []


def test_median_that_is_too_far_off_is_told() -> None:
    """Though no row by itself is."""
    assert list(find_problems([row(error=8.0), row(error=-8.0)])) == [
        "median error of rows not used to fit: 8.0 %, must be within 7 %"
    ]


def test_wrong_word_is_told() -> None:
    """Here nothing is nearly right."""
    rows = [row("bound by", error=None, figures=("engine", "CPU"))]

    assert list(find_problems(rows)) == ["bound by: predicted CPU, must be engine"]


@pytest.mark.parametrize(
    ("published", "predicted", "agreed"),
    [
        ("engine", "engine", True),
        ("engine", "CPU", False),
        ("not engine", "CPU", True),
        ("not engine", "engine", False),
    ],
)
def test_word_agrees(published: str, predicted: str, agreed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """With itself, or with all but what it denies."""
    assert agrees(published, predicted) == agreed


def test_row_is_predicted_by_its_formula() -> None:
    """From the runs that it names."""
    asked = Row(
        what="a ratio",
        unit="ratio",
        published=3.0,
        over=2.0,
        kind="predicted",
        formula="throughput_ratio",
        runs=("new", "old"),
    )
    runs = {"new": measured(page_out_ns=5_000.0), "old": measured()}

    given = predicted_row("a cover", asked, runs)

    assert (given.published, given.predicted) == (1.5, 2.0)
    assert given.error_percent == pytest.approx(33.33)


def test_row_that_cannot_be_predicted_has_no_figures() -> None:
    """But the reason."""
    asked = Row(what="elapsed time", kind="not", reason="not modelled")

    given = predicted_row("a cover", asked, {})

    assert (given.published, given.predicted, given.error_percent) == (None,) * 3
    assert given.reason == "not modelled"


@pytest.fixture(name="some")
def _some() -> Published:
    """Give rows whose scenarios are run in no time."""
    return Published.load().only("03/26")


class AtOnce:
    """An executor that has measured everything already."""

    @staticmethod
    def submit(_: object, task: bytes) -> Future[bytes]:
        """Give a figure for the scenario that is named."""
        name = msgspec.json.decode(task, type=Task).name
        future: Future[bytes] = Future()
        future.set_result(msgspec.json.encode(measured(scenario=name)))
        return future


def test_progress_ends_at_all_pages(
    some: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each scenario counts as many as it has."""
    seen: list[Progress] = []

    monkeypatch.setattr(validate, "RunProcesses", lambda *_: nullcontext(AtOnce()))
    report = validate.run(ValidatePlan(published=some, jobs=1, seed=7), seen.append)

    assert (seen[0].pages_written, seen[0].pages_total) == (0, 3 * 512)
    assert seen[-1].pages_written == seen[-1].pages_total
    assert [run.scenario for run in report.runs] == list(some.scenarios)


@pytest.mark.slow
def test_scenario_that_cannot_be_run_ends_them_all(some: Published) -> None:
    """The error of its process is ours."""
    wrong = Published.load().only("03/26")
    wrong.scenarios["page"] = type(wrong.scenarios["page"])(
        topology="nowhere", workers=1, memory=4096, folio="4K", batching="off"
    )

    with pytest.raises(MpzswapError, match="nowhere"):
        validate.run(ValidatePlan(published=wrong, jobs=2, seed=7), lambda _: None)
    assert set(some.scenarios) == set(wrong.scenarios)


@pytest.mark.slow
def test_what_a_scenario_gives_does_not_depend_on_who_runs_it(some: Published) -> None:
    """One after the other, or side by side."""
    reports = [
        validate.run(ValidatePlan(published=some, jobs=jobs, seed=7), lambda _: None)
        for jobs in (1, 2)
    ]

    assert reports[0] == reports[1]
