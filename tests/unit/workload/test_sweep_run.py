"""A sweep under way, without its runs."""

from collections.abc import Callable

import msgspec
import pytest

from mpzswap.errors import DeviceDiedError
from mpzswap.report.sweep_records import SweepLine, SweepReport
from mpzswap.workload.sweep import choose
from mpzswap.workload.sweep_one import Task
from mpzswap.workload.sweep_run import RunsDone, Sweep
from tests.tools.sweeps import ByHand, done_line, good

PLAN = choose({"topology": ("laptop-2iaa",), "workers": (1, 2, 3, 4), "seed": (1,)})


def sweep(
    executor: ByHand,
    at_once: int,
    *,
    done: dict[int, SweepLine] | None = None,
    on_line: Callable[[SweepLine], None] = lambda _: None,
    on_progress: Callable[[RunsDone], None] = lambda _: None,
) -> SweepReport:
    """Do the sweep; whenever it tells how far it is, its newest run ends."""

    def tell(progress: RunsDone) -> None:
        on_progress(progress)
        executor.end_newest()

    return Sweep(PLAN, done or {}, on_line, tell).run(executor, at_once)


def workers_of(lines: tuple[SweepLine, ...] | list[SweepLine]) -> list[int]:
    """Give the number of workers of each line."""
    return [line.parameters["workers"] for line in lines]


def test_lines_are_in_order_however_runs_end() -> None:
    """They are told of as they come."""
    told: list[SweepLine] = []
    report = sweep(ByHand(), 4, on_line=told.append)

    assert workers_of(told) == [4, 3, 2, 1]
    assert workers_of(report.runs) == [1, 2, 3, 4]
    assert report.ok


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_runs_than_asked_for_are_under_way(at_once: int) -> None:
    """And as many as that."""
    executor = ByHand()
    sweep(executor, at_once)

    assert executor.most == at_once


def test_what_was_done_before_is_not_done_again() -> None:
    """Its line is in the report all the same, and progress counts it."""
    before = done_line(topology="laptop-2iaa", workers=2, seed=1)
    told: list[SweepLine] = []
    seen: list[RunsDone] = []
    report = sweep(
        ByHand(), 1, done={1: before}, on_line=told.append, on_progress=seen.append
    )

    assert workers_of(told) == [1, 3, 4]
    assert report.runs[1] is before
    assert (seen[0].runs_done, seen[0].runs_before, seen[0].runs_total) == (1, 1, 4)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DeviceDiedError("run 1: died with SIGKILL"), "run 1: died with SIGKILL"),
        (ZeroDivisionError("by\nzero"), "ZeroDivisionError: by"),
    ],
)
def test_run_that_fails_leaves_the_others(error: Exception, words: str) -> None:
    """Its line says why, in one line, whoever did the run."""

    def answer(task: bytes) -> bytes:
        if msgspec.json.decode(task, type=Task).parameters["workers"] == 2:
            raise error
        return good(task)

    report = sweep(ByHand(answer), 1)

    assert [line.ok for line in report.runs] == [True, False, True, True]
    assert report.runs[1].error == words
    assert not report.ok


def test_run_that_was_cancelled_is_a_failed_one() -> None:
    """As by a scheduler that is gone."""
    executor = ByHand()

    def cancel(_: RunsDone) -> None:
        if executor.flying:
            future = executor.flying.pop()[0]
            future.cancel()
            # Whoever waits for it is told, as Dask does.
            future.set_running_or_notify_cancel()

    report = Sweep(PLAN, {}, lambda _: None, cancel).run(executor, 1)

    assert {line.error for line in report.runs} == {
        "the run was lost: its scheduler gave it up"
    }


def test_interrupt_cancels_what_is_under_way() -> None:
    """So that a cluster does not go on for nobody."""
    executor = ByHand()

    def interrupt(_: RunsDone) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(executor, 2, on_progress=interrupt)

    assert [future.cancelled() for future, _ in executor.flying] == [True, True]
