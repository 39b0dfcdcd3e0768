"""
Predictions against published figures: scenarios are run, rows computed from them.

    Published -> scenarios, side by side in processes -> Measured, each
              -> each row's formula -> errors -> the report

A scenario runs under the virtual clock, so who runs it, and beside what, is not seen in
what it gives.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait

import msgspec

from mpzswap.errors import CompletionTimeoutError, DeviceDiedError, MpzswapError
from mpzswap.report.validate import (
    ErrorsReport,
    Kind,
    Measured,
    RowReport,
    ValidateReport,
)
from mpzswap.version import __version__
from mpzswap.workload import stress
from mpzswap.workload.plan import Progress
from mpzswap.workload.predict import FORMULAS, measure
from mpzswap.workload.published import Group, Published, Row, Scenario
from mpzswap.workload.run_process import RunProcesses

# Ours: what batching gives is a fifth and less, so a prediction must be nearer than
# that; figures of one set-up differ by some percent from version to version themselves
# (usemem30, zstd, 64K: 6.03 and 6.16 million KB/s).
MAX_ERROR_PERCENT = 15.0
MAX_MEDIAN_PERCENT = 7.0

# A published word that begins so is of what is not to be.
NOT = "not "
# Ours: a signal is heeded after so long at most.
LOOK_INTERVAL_S = 0.2

OnProgress = Callable[[Progress], None]


class ValidatePlan(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is to be done.

    Attributes:
        published: the table.
        jobs: scenarios that run side by side, each in a process.
        seed: of every scenario.
    """

    published: Published
    jobs: int
    seed: int


def run(plan: ValidatePlan, on_progress: OnProgress) -> ValidateReport:
    """
    Run all scenarios and compare.

    Raises:
        MpzswapError: a scenario could not be run, or lost a page.
    """
    measured = run_scenarios(plan, on_progress)
    rows = tuple(predicted_rows(plan.published.groups, measured))
    problems = tuple(find_problems(rows))
    return ValidateReport(
        version=__version__,
        seed=plan.seed,
        runs=tuple(measured[name] for name in plan.published.scenarios),
        rows=rows,
        predicted=errors_of(rows, "predicted"),
        fitted=errors_of(rows, "fitted"),
        problems=problems,
        ok=not problems,
    )


# Scenarios


class Watch:
    """Tells the progress: the pages of scenarios that are done."""

    def __init__(self, scenarios: Iterable[Scenario], on_progress: OnProgress) -> None:
        self._total = sum(scenario.pages for scenario in scenarios)
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._done = 0
        self._phase = "scenarios"

    def tell(self) -> None:
        """Tell how far it is."""
        self._on_progress(
            Progress(
                phase=self._phase,
                pages_written=self._done,
                pages_checked=0,
                pages_total=self._total,
                elapsed_s=time.monotonic() - self._started,
            )
        )

    def ended(self, name: str, scenario: Scenario) -> None:
        """Tell that a scenario is done."""
        self._phase = name
        self._done += scenario.pages
        self.tell()


class Task(msgspec.Struct, frozen=True):
    """A scenario for whichever process is to run it; travels as JSON."""

    name: str
    scenario: Scenario
    seed: int


def run_scenario(task: bytes, on_progress: OnProgress) -> bytes:
    """
    Run the scenario of a ``Task``; give what was measured, as JSON.

    Raises:
        MpzswapError: it could not be run, or lost a page.
    """
    told = msgspec.json.decode(task, type=Task)
    report = stress.run(told.scenario.plan(told.seed), on_progress)
    if not report.ok:
        raise MpzswapError(f"scenario {told.name}: {report.problems[0]}")
    return msgspec.json.encode(measure(told.name, report))


def run_scenarios(plan: ValidatePlan, on_progress: OnProgress) -> dict[str, Measured]:
    """Run all scenarios, so many side by side; give what each gave, by its name."""
    # The longest first, so that none is left to run alone.
    scenarios = dict(
        sorted(plan.published.scenarios.items(), key=lambda item: -item[1].pages)
    )
    watch = Watch(scenarios.values(), on_progress)
    watch.tell()
    measured = {}
    with RunProcesses(min(plan.jobs, len(scenarios)), [__name__]) as executor:
        waiting: dict[Future[bytes], str] = {}
        for name, scenario in scenarios.items():
            task = msgspec.json.encode(Task(name, scenario, plan.seed))
            waiting[executor.submit(run_scenario, task)] = name
        while waiting:
            done, _ = wait(waiting, LOOK_INTERVAL_S, FIRST_COMPLETED)
            watch.tell()
            for future in done:
                name = waiting.pop(future)
                measured[name] = result_of(future, name)
                watch.ended(name, scenarios[name])
    return measured


def result_of(future: Future[bytes], name: str) -> Measured:
    """
    Give what a scenario gave.

    Raises:
        MpzswapError: it gave nothing; which one that was is said.
    """
    try:
        return msgspec.json.decode(future.result(), type=Measured)
    except (CompletionTimeoutError, DeviceDiedError) as error:
        raise MpzswapError(f"scenario {name}: {error}") from error


# Rows


def predicted_rows(
    groups: Iterable[Group], measured: Mapping[str, Measured]
) -> Iterator[RowReport]:
    """Give every row with its prediction."""
    for group in groups:
        for row in group.rows:
            yield predicted_row(group.source, row, measured)


def predicted_row(source: str, row: Row, measured: Mapping[str, Measured]) -> RowReport:
    """Give a row with its prediction, if it has one."""
    published: float | str | None = None
    predicted: float | str | None = None
    if row.formula is not None:
        published = row.value
        runs = [measured[name] for name in row.runs]
        predicted = FORMULAS[row.formula](runs, row.given)
    return RowReport(
        source=source,
        what=row.what,
        unit=row.unit,
        kind=row.kind,
        published=_rounded(published),
        predicted=_rounded(predicted),
        error_percent=error_percent(predicted, published),
        fits=row.fits or "",
        reason=row.reason or "",
        formula=row.formula or "",
        runs=row.runs,
    )


def _rounded(figure: float | str | None) -> float | str | None:
    return round(figure, 4) if isinstance(figure, float) else figure


def error_percent(
    predicted: float | str | None, published: float | str | None
) -> float | None:
    """Give how far *predicted* is above *published*; None of what is no number."""
    if not isinstance(predicted, float | int) or not isinstance(published, float | int):
        return None
    return round(100 * (predicted / published - 1), 2)


def errors_of(rows: Iterable[RowReport], kind: Kind) -> ErrorsReport:
    """Give the median and the largest error of the rows of *kind*."""
    errors = [
        (abs(row.error_percent), row.what)
        for row in rows
        if row.kind == kind and row.error_percent is not None
    ]
    if not errors:
        return ErrorsReport()
    median = statistics.median(error for error, _ in errors)
    return ErrorsReport(len(errors), round(median, 2), *max(errors))


def find_problems(rows: Iterable[RowReport]) -> Iterator[str]:
    """Tell which predictions that were not fitted are too far off, a line each."""
    rows = [row for row in rows if row.kind == "predicted"]
    for row in rows:
        error = row.error_percent
        if error is not None and abs(error) > MAX_ERROR_PERCENT:
            yield (
                f"{row.what} ({row.source}): error {error:+.1f} %, must be within "
                f"{MAX_ERROR_PERCENT:g} %"
            )
        if error is None and not agrees(str(row.published), str(row.predicted)):
            yield f"{row.what}: predicted {row.predicted}, must be {row.published}"
    median = errors_of(rows, "predicted").median_percent
    if median > MAX_MEDIAN_PERCENT:
        yield (
            f"median error of rows not used to fit: {median:.1f} %, must be within "
            f"{MAX_MEDIAN_PERCENT:g} %"
        )


def agrees(published: str, predicted: str) -> bool:
    """Tell whether a word is the published one, or is not what it must not be."""
    if published.startswith(NOT):
        return predicted != published.removeprefix(NOT)
    return predicted == published
